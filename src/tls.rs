//! TLS in the binary: certificate files, or a local authority made in the data directory on the first start.
//!
//! The clients of the contract speak https and wss only, so without this nobody could try Hobnob on a laptop. The local
//! authority signs one leaf for loopback names; its private key is thrown away, so a machine that trusts `ca.pem` trusts
//! this server and nothing else.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Where certificate and key are read from.
pub struct Files {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// The local authority's certificate below the data directory: what clients are told to trust.
pub fn authority(data: &Path) -> PathBuf {
    data.join("tls").join("ca.pem")
}

/// Names the local certificate is good for, besides the host it is asked for.
const LOCAL_NAMES: [&str; 4] = ["localhost", "127.0.0.1", "::1", "hobnob.local"];

/// The local files, made now if they are not there.
pub fn local(data: &Path, names: &[String]) -> Result<Files, String> {
    let folder = data.join("tls");
    let files = Files { cert: folder.join("cert.pem"), key: folder.join("key.pem") };
    if files.cert.exists() && files.key.exists() {
        let known = std::fs::read_to_string(folder.join("names")).unwrap_or_default();
        let good_for = |name: &str| LOCAL_NAMES.contains(&name) || known.lines().any(|line| line == name);
        for name in names.iter().filter(|name| !good_for(name)) {
            // Not made anew by itself: that is a new authority, which every device would have to trust first.
            log::warn!("the local certificate is not made for {name}; without {} a new one is made", folder.display());
        }
        return Ok(files);
    }
    let explain =
        |error: &dyn std::fmt::Display| format!("cannot make a local certificate in {}: {error}", folder.display());
    std::fs::create_dir_all(&folder).map_err(|e| explain(&e))?;
    let (ca, cert, key) = make(names).map_err(|e| explain(&e))?;
    write(&folder.join("ca.pem"), &ca, 0o644).map_err(|e| explain(&e))?;
    write(&folder.join("names"), &names.join("\n"), 0o644).map_err(|e| explain(&e))?;
    write(&files.key, &key, 0o600).map_err(|e| explain(&e))?;
    write(&files.cert, &cert, 0o644).map_err(|e| explain(&e))?;
    Ok(files)
}

/// Authority, leaf with authority, and the leaf's key, as PEM.
fn make(names: &[String]) -> Result<(String, String, String), rcgen::Error> {
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.distinguished_name.push(DnType::CommonName, "Hobnob local authority");
    let authority = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;

    let mut all: Vec<String> = LOCAL_NAMES.iter().map(|name| name.to_string()).collect();
    all.extend(names.iter().filter(|name| !LOCAL_NAMES.contains(&name.as_str())).cloned());
    let mut leaf = CertificateParams::new(all)?;
    leaf.distinguished_name.push(DnType::CommonName, "Hobnob");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let cert = leaf.signed_by(&key, &authority)?;
    Ok((authority.pem(), cert.pem() + &authority.pem(), key.serialize_pem()))
}

fn write(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path)?.write_all(text.as_bytes())
}

/// The server's side of TLS with these files.
pub fn server_config(files: &Files) -> Result<ServerConfig, String> {
    let explain = |path: &Path, error: &dyn std::fmt::Display| format!("cannot use {}: {error}", path.display());
    let certs = CertificateDer::pem_file_iter(&files.cert)
        .and_then(|certs| certs.collect::<Result<Vec<_>, _>>())
        .map_err(|e| explain(&files.cert, &e))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| explain(&files.key, &e))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certs, key))
        .map_err(|e| explain(&files.cert, &e))
}
