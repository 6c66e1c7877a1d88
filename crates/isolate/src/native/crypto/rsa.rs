//! RSA keys and operations.

use ::rsa::pkcs1::der::{AnyRef, Decode};
use ::rsa::pkcs1::{EncodeRsaPrivateKey, EncodeRsaPublicKey, ObjectIdentifier};
use ::rsa::traits::{PrivateKeyParts, PublicKeyParts};
use ::rsa::{BoxedUint, Oaep, Pkcs1v15Encrypt, Pkcs1v15Sign, PrivateKey, Pss, PublicKey};
use pkcs8::spki::EncodePublicKey;
use pkcs8::{EncodePrivateKey, PrivateKeyInfoRef, SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

use super::hash::{Hash, with_signature_hash};
use crate::native::random::Generator;

/// Sizes of imported keys; as BoringSSL, but for keys too small for any signature.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 512..=16_384;
/// `rsaEncryption`, RFC 8017 appendix A.1.
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// What is added to a hash before it is signed.
#[derive(Clone, Copy)]
pub(super) enum SignaturePadding {
    Pkcs1,
    /// `None` verifies any length of salt, and signs nothing.
    Pss {
        salt_bytes: Option<usize>,
    },
}

/// How a message is padded before it is encrypted.
pub(super) enum EncryptionPadding<'a> {
    Pkcs1,
    Oaep { hash: Hash, label: &'a [u8] },
}

fn number(bytes: &[u8]) -> Option<BoxedUint> {
    let bits = u32::try_from(bytes.len()).ok()?.checked_mul(8)?.max(8);
    BoxedUint::from_be_slice(bytes, bits).ok()
}

/// Big-endian bytes without leading zeros, as JSON Web Keys have them.
fn minimal(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes[zeros.min(bytes.len().saturating_sub(1))..].to_vec()
}

pub(super) fn generate(bits: usize, exponent: &[u8], random: &mut Generator) -> Option<PrivateKey> {
    PrivateKey::new_with_exp(random, bits, number(exponent)?).ok()
}

pub(super) fn public_from_numbers(modulus: &[u8], exponent: &[u8]) -> Option<PublicKey> {
    PublicKey::new_with_size_limits(
        number(&minimal(modulus))?,
        number(&minimal(exponent))?,
        MODULUS_BITS,
    )
    .ok()
}

/// `primes` can be empty: they follow from the rest.
pub(super) fn private_from_numbers(
    modulus: &[u8],
    exponent: &[u8],
    d: &[u8],
    primes: &[&[u8]],
) -> Option<PrivateKey> {
    public_from_numbers(modulus, exponent)?;
    let primes = primes
        .iter()
        .map(|prime| number(prime))
        .collect::<Option<Vec<_>>>()?;
    PrivateKey::from_components(
        number(&minimal(modulus))?,
        number(&minimal(exponent))?,
        number(&minimal(d))?,
        primes,
    )
    .ok()
}

pub(super) fn private_from_pkcs1(der: &[u8]) -> Option<PrivateKey> {
    let key = ::rsa::pkcs1::RsaPrivateKeyRef::from_der(der).ok()?;
    private_from_numbers(
        key.modulus.as_bytes(),
        key.public_exponent.as_bytes(),
        key.private_exponent.as_bytes(),
        &[key.prime1.as_bytes(), key.prime2.as_bytes()],
    )
}

pub(super) fn public_from_pkcs1(der: &[u8]) -> Option<PublicKey> {
    let key = ::rsa::pkcs1::RsaPublicKeyRef::from_der(der).ok()?;
    public_from_numbers(key.modulus.as_bytes(), key.public_exponent.as_bytes())
}

pub(super) fn private_from_pkcs8(der: &[u8]) -> Option<PrivateKey> {
    let key = PrivateKeyInfoRef::try_from(der).ok()?;
    if key.algorithm.oid != RSA_ENCRYPTION || !parameters_are_null(key.algorithm.parameters) {
        return None;
    }
    private_from_pkcs1(key.private_key.as_bytes())
}

pub(super) fn public_from_spki(der: &[u8]) -> Option<PublicKey> {
    let key = SubjectPublicKeyInfoRef::try_from(der).ok()?;
    if key.algorithm.oid != RSA_ENCRYPTION || !parameters_are_null(key.algorithm.parameters) {
        return None;
    }
    public_from_pkcs1(key.subject_public_key.as_bytes()?)
}

fn parameters_are_null(parameters: Option<AnyRef<'_>>) -> bool {
    parameters.is_none_or(|parameters| parameters.is_null())
}

pub(super) fn private_to_pkcs8(key: &PrivateKey) -> Option<Zeroizing<Vec<u8>>> {
    key.to_pkcs8_der().ok().map(|der| der.to_bytes())
}

pub(super) fn private_to_pkcs1(key: &PrivateKey) -> Option<Zeroizing<Vec<u8>>> {
    key.to_pkcs1_der().ok().map(|der| der.to_bytes())
}

pub(super) fn public_to_spki(key: &PublicKey) -> Option<Vec<u8>> {
    key.to_public_key_der().ok().map(|der| der.into_vec())
}

pub(super) fn public_to_pkcs1(key: &PublicKey) -> Option<Vec<u8>> {
    key.to_pkcs1_der().ok().map(|der| der.into_vec())
}

/// Modulus and public exponent.
pub(super) fn public_numbers(key: &impl PublicKeyParts) -> [Vec<u8>; 2] {
    [
        minimal(&key.n().to_be_bytes()),
        minimal(&key.e().to_be_bytes()),
    ]
}

/// `d, p, q, dp, dq, qi` of a JSON Web Key.
pub(super) fn private_numbers(key: &PrivateKey) -> Option<Vec<Zeroizing<Vec<u8>>>> {
    let [p, q] = key.primes() else { return None };
    let numbers = [
        key.d().to_be_bytes(),
        p.to_be_bytes(),
        q.to_be_bytes(),
        key.dp()?.to_be_bytes(),
        key.dq()?.to_be_bytes(),
        key.crt_coefficient()?.to_be_bytes(),
    ];
    Some(
        numbers
            .iter()
            .map(|bytes| Zeroizing::new(minimal(bytes)))
            .collect(),
    )
}

pub(super) fn sign(
    key: &PrivateKey,
    hash: Hash,
    digest: &[u8],
    padding: SignaturePadding,
    random: &mut Generator,
) -> Option<Vec<u8>> {
    with_signature_hash!(hash, D => match padding {
        SignaturePadding::Pkcs1 => key.sign_with_rng(random, Pkcs1v15Sign::new::<D>(), digest).ok(),
        SignaturePadding::Pss { salt_bytes } => {
            let salt_bytes = salt_bytes.filter(|salt_bytes| *salt_bytes <= key.size())?;
            key.sign_with_rng(random, Pss::<D>::new_with_salt(salt_bytes), digest).ok()
        }
    }, None)
}

pub(super) fn verify(
    key: &PublicKey,
    hash: Hash,
    digest: &[u8],
    signature: &[u8],
    padding: SignaturePadding,
) -> bool {
    with_signature_hash!(hash, D => match padding {
        SignaturePadding::Pkcs1 => key.verify(Pkcs1v15Sign::new::<D>(), digest, signature).is_ok(),
        SignaturePadding::Pss { salt_bytes } => {
            let scheme = Pss::<D> { salt_len: salt_bytes, ..Pss::new() };
            salt_bytes.is_none_or(|salt_bytes| salt_bytes <= key.size())
                && key.verify(scheme, digest, signature).is_ok()
        }
    }, false)
}

pub(super) fn encrypt(
    key: &PublicKey,
    padding: EncryptionPadding<'_>,
    data: &[u8],
    random: &mut Generator,
) -> Option<Vec<u8>> {
    match padding {
        EncryptionPadding::Pkcs1 => key.encrypt(random, Pkcs1v15Encrypt, data).ok(),
        EncryptionPadding::Oaep { hash, label } => with_signature_hash!(hash, D => {
            key.encrypt(random, Oaep::<D>::new_with_label(label), data).ok()
        }, None),
    }
}

pub(super) fn decrypt(
    key: &PrivateKey,
    padding: EncryptionPadding<'_>,
    data: &[u8],
    random: &mut Generator,
) -> Option<Zeroizing<Vec<u8>>> {
    let opened = match padding {
        EncryptionPadding::Pkcs1 => key.decrypt_blinded(random, Pkcs1v15Encrypt, data).ok(),
        EncryptionPadding::Oaep { hash, label } => with_signature_hash!(hash, D => {
            key.decrypt_blinded(random, Oaep::<D>::new_with_label(label), data).ok()
        }, None),
    };
    opened.map(Zeroizing::new)
}
