//! Whose certificates are trusted: those of the usual authorities, and those that this machine trusts beside them.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

/// TLS for clients that reach the network.
pub(super) fn config() -> ClientConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the provider has ciphers for these versions")
        // No less is checked: only the reading of the machine's store waits until somebody needs it.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Authorities(provider)))
        .with_no_client_auth()
}

/// Checks certificates against the built-in authorities and those of the machine. The latter are read when the first
/// certificate comes: a folder of hundreds of files, which most starts do not need.
#[derive(Debug)]
struct Authorities(Arc<CryptoProvider>);

impl Authorities {
    fn verifier(&self) -> Result<&'static Arc<WebPkiServerVerifier>, rustls::Error> {
        static VERIFIER: OnceLock<Result<Arc<WebPkiServerVerifier>, String>> = OnceLock::new();
        let verifier = VERIFIER.get_or_init(|| {
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots()), Arc::clone(&self.0))
                .build()
                .map_err(|error| error.to_string())
        });
        verifier
            .as_ref()
            .map_err(|error| rustls::Error::General(error.clone()))
    }
}

/// `SSL_CERT_FILE` and `SSL_CERT_DIR` take the place of the machine's own store, as they do for OpenSSL.
fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let own = rustls_native_certs::load_native_certs();
    for error in own.errors {
        tracing::warn!(%error, "certificate authorities of this machine cannot be read");
    }
    let (added, ignored) = roots.add_parsable_certificates(own.certs);
    tracing::debug!(added, ignored, "certificate authorities of this machine");
    roots
}

impl ServerCertVerifier for Authorities {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verifier = self.verifier()?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?
            .verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?
            .verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Why a handshake has failed, if this error says that one has.
pub(super) fn handshake_failure(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(failure) = error.downcast_ref::<rustls::Error>() {
            return Some(reason(failure));
        }
        cause = match error.downcast_ref::<io::Error>() {
            // An error that it was made of is not its source, but the source of that one is.
            Some(outer) => outer
                .get_ref()
                .map(|inner| inner as &(dyn std::error::Error + 'static)),
            None => error.source(),
        };
    }
    None
}

fn reason(failure: &rustls::Error) -> String {
    let text = match failure {
        rustls::Error::InvalidCertificate(error) => match error {
            CertificateError::UnknownIssuer => {
                "its certificate comes from an authority that is not trusted here"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name"
            }
            other => return format!("its certificate is not valid ({other})"),
        },
        rustls::Error::InvalidMessage(_) => "what answers there does not speak TLS",
        other => return other.to_string(),
    };
    text.to_owned()
}
