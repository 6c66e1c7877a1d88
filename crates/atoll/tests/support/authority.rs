//! A certificate authority that no machine knows, and a server with a certificate of it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64ct::{Base64, Encoding as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

/// ecdsa-with-SHA256, id-ecPublicKey, prime256v1, commonName, basicConstraints, subjectAltName.
const SIGNATURE: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const PUBLIC_KEY: &[u8] = &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const CURVE: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const COMMON_NAME: &[u8] = &[0x06, 3, 0x55, 4, 3];
const CONSTRAINTS: &[u8] = &[0x06, 3, 0x55, 0x1d, 0x13];
const ALTERNATIVES: &[u8] = &[0x06, 3, 0x55, 0x1d, 0x11];
const TRUE: &[u8] = &[0x01, 1, 0xff];
const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;

/// One value of ASN.1, as DER.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length) if length < 0x80 => out.push(length),
        Ok(length) => out.extend([0x81, length]),
        Err(_) => {
            let length = u16::try_from(content.len()).unwrap().to_be_bytes();
            out.extend([0x82, length[0], length[1]]);
        }
    }
    out.extend(content);
    out
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    der(0x03, &[&[0], bytes])
}

fn name(common: &str) -> Vec<u8> {
    let text = der(0x0c, &[common.as_bytes()]);
    let attribute = der(SEQUENCE, &[COMMON_NAME, &text]);
    der(SEQUENCE, &[&der(0x31, &[&attribute])])
}

struct Key {
    pair: EcdsaKeyPair,
    pkcs8: Vec<u8>,
}

impl Key {
    fn new() -> Self {
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        let pkcs8 = pkcs8.as_ref().to_vec();
        Self {
            pair: EcdsaKeyPair::from_pkcs8(algorithm, &pkcs8).unwrap(),
            pkcs8,
        }
    }

    /// A certificate for another key, signed with this one.
    fn certify(
        &self,
        issuer: &str,
        subject: &str,
        key: &Self,
        until: &str,
        more: &[u8],
    ) -> Vec<u8> {
        let algorithm = der(SEQUENCE, &[SIGNATURE]);
        let validity = der(
            SEQUENCE,
            &[
                &der(0x17, &[b"000101000000Z"]),
                &der(0x17, &[until.as_bytes()]),
            ],
        );
        let kind = der(SEQUENCE, &[PUBLIC_KEY, CURVE]);
        let public = der(SEQUENCE, &[&kind, &bits(key.pair.public_key().as_ref())]);
        let extensions = der(0xa3, &[&der(SEQUENCE, &[more])]);
        let body = der(
            SEQUENCE,
            &[
                &[0xa0, 3, 2, 1, 2],
                &[2, 1, 7],
                &algorithm,
                &name(issuer),
                &validity,
                &name(subject),
                &public,
                &extensions,
            ],
        );
        let signature = self.pair.sign(&SystemRandom::new(), &body).unwrap();
        der(SEQUENCE, &[&body, &algorithm, &bits(signature.as_ref())])
    }
}

/// The authority.
pub(crate) struct Authority(Key);

const AUTHORITY: &str = "An authority of a test";
/// The end of most certificates.
pub(crate) const LATER: &str = "491231000000Z";

impl Authority {
    pub(crate) fn new() -> Self {
        Self(Key::new())
    }

    /// Writes its own certificate to a file.
    pub(crate) fn write(&self, path: &Path) {
        let is_authority = der(OCTETS, &[&der(SEQUENCE, &[TRUE])]);
        let constraints = der(SEQUENCE, &[CONSTRAINTS, TRUE, &is_authority]);
        let certificate = self
            .0
            .certify(AUTHORITY, AUTHORITY, &self.0, LATER, &constraints);
        let text = Base64::encode_string(&certificate);
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            lines.join("\n")
        );
        std::fs::write(path, pem).unwrap();
    }

    /// A server that answers "hello", with a certificate for a host that is valid until then. Gives its port.
    pub(crate) fn serve(&self, host: &str, until: &str) -> u16 {
        let key = Key::new();
        let alternatives = der(SEQUENCE, &[&der(0x82, &[host.as_bytes()])]);
        let extension = der(SEQUENCE, &[ALTERNATIVES, &der(OCTETS, &[&alternatives])]);
        let certificate = self.0.certify(AUTHORITY, host, &key, until, &extension);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(certificate)],
                PrivateKeyDer::try_from(key.pkcs8).unwrap(),
            );
        let config = Arc::new(config.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut tls = Stream::new(&mut connection, &mut stream);
                // A client that does not trust it says so, and goes.
                let mut request = [0; 4096];
                if tls.read(&mut request).is_ok() {
                    let answer =
                        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
                    drop(tls.write_all(answer));
                    connection.send_close_notify();
                    drop(connection.complete_io(&mut stream));
                }
            }
        });
        port
    }
}
