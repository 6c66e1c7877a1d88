//! Ed25519 and X25519 keys in PKCS #8 and SPKI, RFC 8410.

use pkcs8::der::asn1::{BitStringRef, OctetStringRef};
use pkcs8::der::{Decode, Encode};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef, SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;
const KINDS: [(&str, ObjectIdentifier); 2] = [
    ("X25519", ObjectIdentifier::new_unwrap("1.3.101.110")),
    ("Ed25519", ObjectIdentifier::new_unwrap("1.3.101.112")),
];

fn kind_of(algorithm: &AlgorithmIdentifierRef<'_>) -> Option<&'static str> {
    let (kind, _) = KINDS.into_iter().find(|(_, oid)| *oid == algorithm.oid)?;
    algorithm.parameters.is_none().then_some(kind)
}

fn algorithm(kind: &str) -> AlgorithmIdentifierRef<'static> {
    let (_, oid) = KINDS
        .into_iter()
        .find(|(known, _)| *known == kind)
        .expect("callers name one of the two");
    AlgorithmIdentifierRef {
        oid,
        parameters: None,
    }
}

/// The kind and the bytes of a private key, when the DER holds one of the two.
pub(super) fn decode_private(der: &[u8]) -> Option<(&'static str, Zeroizing<[u8; KEY_BYTES]>)> {
    let key = PrivateKeyInfoRef::try_from(der).ok()?;
    let kind = kind_of(&key.algorithm)?;
    let bytes = <&OctetStringRef>::from_der(key.private_key.as_bytes()).ok()?;
    Some((kind, Zeroizing::new(bytes.as_bytes().try_into().ok()?)))
}

/// The kind and the bytes of a public key, when the DER holds one of the two.
pub(super) fn decode_public(der: &[u8]) -> Option<(&'static str, [u8; KEY_BYTES])> {
    let key = SubjectPublicKeyInfoRef::try_from(der).ok()?;
    let kind = kind_of(&key.algorithm)?;
    Some((kind, key.subject_public_key.as_bytes()?.try_into().ok()?))
}

pub(super) fn encode_private(kind: &str, bytes: &[u8; KEY_BYTES]) -> Zeroizing<Vec<u8>> {
    let encode = || -> pkcs8::der::Result<Vec<u8>> {
        let inner = Zeroizing::new(OctetStringRef::new(bytes)?.to_der()?);
        PrivateKeyInfoRef::new(algorithm(kind), OctetStringRef::new(&inner)?).to_der()
    };
    Zeroizing::new(encode().expect("a key of 32 bytes has a DER form"))
}

pub(super) fn encode_public(kind: &str, bytes: &[u8; KEY_BYTES]) -> Vec<u8> {
    let encode = || -> pkcs8::der::Result<Vec<u8>> {
        SubjectPublicKeyInfoRef {
            algorithm: algorithm(kind),
            subject_public_key: BitStringRef::from_bytes(bytes)?,
        }
        .to_der()
    };
    encode().expect("a key of 32 bytes has a DER form")
}
