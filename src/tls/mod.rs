//! TLS in the binary: certificate files, a certificate an authority gives by ACME, or a local authority made in the data
//! directory on the first start.
//!
//! Handshakes ask [`Certificates`], so a certificate may change while the server runs: [`Watched`] reads files again when
//! they change, [`renewal`] gets a new one from the authority in time. Connections go on with the one they began with.
//!
//! The clients of the contract speak https and wss only, so without this nobody could try Hobnob on a laptop. The local
//! authority signs one leaf for loopback names; its private key is thrown away, so a machine that trusts `ca.pem` trusts
//! this server and nothing else.

mod acme;
mod advice;
mod certificates;
pub mod dates;
pub mod renewal;
mod tokens;
mod watched;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::durable;

pub use certificates::Certificates;
pub use renewal::{Order, Renewal};
pub use tokens::Tokens;
pub use watched::Watched;

/// What the authority's proof by a TLS handshake is asked for by (RFC 8737).
const PROOF: &[u8] = b"acme-tls/1";

/// Where certificate and key are read from.
#[derive(Clone, Debug)]
pub struct Files {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// Where certificates and keys are kept in a data folder.
pub fn folder(data: &Path) -> PathBuf {
    data.join("tls")
}

/// The local authority's certificate below the data directory: what clients are told to trust.
pub fn authority(data: &Path) -> PathBuf {
    folder(data).join("ca.pem")
}

/// Names the local certificate is good for, besides the host it is asked for.
const LOCAL_NAMES: [&str; 4] = ["localhost", "127.0.0.1", "::1", "hobnob.local"];

/// The local files, made now if they are not there.
pub fn local(data: &Path, names: &[String]) -> Result<Files, String> {
    let folder = folder(data);
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
    durable::make_folder(&folder, false).map_err(|e| explain(&e))?;
    let (ca, cert, key) = make(names).map_err(|e| explain(&e))?;
    let put = |path: &Path, text: &str, mode: u32| durable::put(path, text.as_bytes(), mode).map_err(|e| explain(&e));
    put(&folder.join("ca.pem"), &ca, 0o644)?;
    put(&folder.join("names"), &names.join("\n"), 0o644)?;
    put(&files.key, &key, 0o600)?;
    // Last: where it is, all of them are.
    put(&files.cert, &cert, 0o644)?;
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

fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

/// Certificate chain and key of these files. `Err` says which of them is no good, and that they do not belong together.
pub fn read(files: &Files) -> Result<CertifiedKey, String> {
    let explain = |path: &Path, error: &dyn std::fmt::Display| format!("cannot use {}: {error}", path.display());
    let certs = CertificateDer::pem_file_iter(&files.cert)
        .and_then(|certs| certs.collect::<Result<Vec<_>, _>>())
        .map_err(|e| explain(&files.cert, &e))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| explain(&files.key, &e))?;
    certified(certs, key).map_err(|e| explain(&files.cert, &e))
}

/// A chain with its key. `Err`: there is no certificate in it, or it is not of this key.
fn certified(certs: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<CertifiedKey, String> {
    if certs.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    CertifiedKey::from_der(certs, key, &provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => "the private key belongs to another certificate".to_owned(),
        other => other.to_string(),
    })
}

/// The server's side of TLS with these certificates. `proofs`: an authority may come and see proofs.
pub fn server_config(certificates: Arc<Certificates>, proofs: bool) -> Result<ServerConfig, String> {
    let config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| format!("cannot set TLS up: {e}"))?;
    let mut config = config.with_no_client_auth().with_cert_resolver(certificates);
    if proofs {
        config.alpn_protocols.push(PROOF.to_vec());
    }
    Ok(config)
}
