//! The keys of one start: an authority, a certificate for loopback, a random token, and the kubeconfig that carries them.
//!
//! client-go sends no token over plain HTTP, so there is TLS even on loopback. Nothing here touches the disk.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The keys of a cluster.
#[derive(Clone)]
pub struct Keys {
    /// The authority's certificate, PEM.
    pub authority_pem: String,
    /// What the server presents.
    pub server: Arc<ServerConfig>,
    /// What every request must carry.
    pub token: Arc<str>,
}

/// Why no keys could be made.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The server's side of TLS could not be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// Makes new keys for a server on loopback.
pub fn make() -> Result<Keys, KeysError> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "ttg-tui local authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    params
        .distinguished_name
        .push(DnType::CommonName, "ttg-tui local cluster");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &authority)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    let token: [u8; 32] = rand::random();
    Ok(Keys {
        authority_pem: authority.pem(),
        server: Arc::new(server),
        token: URL_SAFE_NO_PAD.encode(token).into(),
    })
}

/// Writes the kubeconfig of a cluster. Its context is called `ttg-local`.
pub fn kubeconfig(keys: &Keys, address: SocketAddr) -> String {
    let authority = STANDARD.encode(&keys.authority_pem);
    let token = &keys.token;
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         clusters:\n\
         - name: ttg-local\n\
         \x20 cluster:\n\
         \x20   server: https://{address}\n\
         \x20   certificate-authority-data: {authority}\n\
         users:\n\
         - name: ttg-local\n\
         \x20 user:\n\
         \x20   token: {token}\n\
         contexts:\n\
         - name: ttg-local\n\
         \x20 context:\n\
         \x20   cluster: ttg-local\n\
         \x20   user: ttg-local\n\
         \x20   namespace: default\n\
         current-context: ttg-local\n"
    )
}
