//! A client that shakes hands over TLS, believes any certificate, and tells which one it got.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};

/// A connection that stays open.
pub struct Visit {
    stream: StreamOwned<ClientConnection, TcpStream>,
    /// The server's certificate (DER).
    pub leaf: Vec<u8>,
}

impl Visit {
    /// Shakes hands with who is there, asking for this name.
    pub fn to(at: SocketAddr, name: &str) -> Visit {
        Visit::try_to(at, name).expect("shakes hands")
    }

    pub fn try_to(at: SocketAddr, name: &str) -> std::io::Result<Visit> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let config =
            config.expect("versions").dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)));
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let session = ClientConnection::new(Arc::new(config.with_no_client_auth()), name).expect("a session");
        let socket = TcpStream::connect(at)?;
        socket.set_read_timeout(Some(super::DEADLINE))?;
        let mut stream = StreamOwned::new(session, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        let leaf = stream.conn.peer_certificates().expect("a certificate")[0].to_vec();
        Ok(Visit { stream, leaf })
    }

    /// The head and the body of the answer to a GET, on this very connection.
    pub fn get(&mut self, path: &str) -> String {
        write!(self.stream, "GET {path} HTTP/1.1\r\nHost: chat.example.org\r\n\r\n").expect("asks");
        let (mut answer, mut byte) = (Vec::new(), [0]);
        while !answer.ends_with(b"\r\n\r\n") {
            self.stream.read_exact(&mut byte).expect("an answer");
            answer.extend(byte);
        }
        let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        self.stream.read_exact(&mut body).expect("a body");
        head + &String::from_utf8_lossy(&body)
    }
}

/// Believes anybody, if the key is the certificate's.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
