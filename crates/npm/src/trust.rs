//! Whose certificates are trusted, and what is told when one is not.

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use crate::error::Error;
use crate::settings::Settings;

/// TLS as the settings want it: `cafile` and `ca` take the place of the usual authorities.
pub(crate) fn config(settings: &Settings) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Setting {
            place: "TLS".to_owned(),
            message: error.to_string(),
        })?;
    let mut config = if settings.strict_ssl {
        builder
            .with_root_certificates(roots(settings)?)
            .with_no_client_auth()
    } else {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth()
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn roots(settings: &Settings) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    if settings.authorities.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        // Those of the machine as well, where there are some: `SSL_CERT_FILE` is among them.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for file in &settings.more_authorities {
            // Node as well goes on without it.
            if let Ok(pem) = std::fs::read(file) {
                roots.add_parsable_certificates(certificates(&pem));
            }
        }
        return Ok(roots);
    }
    for pem in &settings.authorities {
        let (added, _) = roots.add_parsable_certificates(certificates(pem));
        if added == 0 {
            return Err(Error::Setting {
                place: "cafile".to_owned(),
                message: "there is no certificate in it".to_owned(),
            });
        }
    }
    Ok(roots)
}

fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem)
        .filter_map(Result::ok)
        .collect()
}

/// Why a handshake fails, for which somebody can do something.
const UNKNOWN: &str = "its certificate comes from an authority that is not trusted here";
const NOT_IN_FILE: &str = "its certificate comes from none of the authorities in `cafile` or `ca`, and no others are trusted then";
const UNREADABLE: &str = ", and NODE_EXTRA_CA_CERTS names a file that cannot be read: ";
const EXPIRED: &str = "its certificate has expired";
const EARLY: &str = "its certificate is not valid yet";
const INVALID: &str = "its certificate is not valid: ";
const NO_TLS: &str = "what answers there does not speak TLS";

/// Why a handshake with a host has failed, in words that a person can act on.
pub(crate) fn refusal(error: io::Error, host: &str, settings: &Settings) -> io::Error {
    let inner = error.get_ref();
    let text = match inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(error)) => match error {
            // An authority of the same name is another one when its key is.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => unknown(settings),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => EXPIRED.into(),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                EARLY.into()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("{INVALID}it is for another name than {host}")
            }
            other => format!("{INVALID}{other}"),
        },
        Some(rustls::Error::InvalidMessage(_)) => NO_TLS.into(),
        _ => return error,
    };
    io::Error::other(text)
}

fn unknown(settings: &Settings) -> String {
    if !settings.authorities.is_empty() {
        return NOT_IN_FILE.into();
    }
    let mut files = settings.more_authorities.iter();
    match files.find(|file| std::fs::File::open(file).is_err()) {
        Some(file) => format!("{UNKNOWN}{UNREADABLE}{}", file.display()),
        None => UNKNOWN.into(),
    }
}

/// What one can do about such a failure. It is the same the next time.
pub(crate) fn hint(failure: &str) -> Option<&'static str> {
    let hints = [
        (UNREADABLE, "name a file of PEM that this user may read"),
        (
            UNKNOWN,
            "name a file with that authority's certificate: NODE_EXTRA_CA_CERTS=FILE adds it, `cafile=FILE` in .npmrc trusts no other",
        ),
        (
            NOT_IN_FILE,
            "add the authority's certificate to them; NODE_EXTRA_CA_CERTS=FILE is for one that counts beside the usual ones",
        ),
        (
            EXPIRED,
            "see the clock of this machine; if it is right, only who runs the registry can mend this",
        ),
        (EARLY, "see the clock of this machine"),
        (
            INVALID,
            "see `registry` in .npmrc; `strict-ssl=false` there goes on without looking at certificates, and trusts anybody",
        ),
        (
            NO_TLS,
            "see `registry`, `proxy` and `https-proxy` in .npmrc and the environment: perhaps it is http://, not https://",
        ),
    ];
    let mut hints = hints.iter();
    Some(hints.find(|(text, _)| failure.contains(text))?.1)
}

/// Trusts anybody: `strict-ssl=false`.
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
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
