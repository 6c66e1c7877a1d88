//! Asymmetric keys of every kind, and what WebCrypto and Node do with them.

use ::rsa::traits::PublicKeyParts;
use ::rsa::{PrivateKey, PublicKey};
use curve25519::{decode_private, decode_public, encode_private, encode_public};
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use rand_core::Rng;
use rquickjs::{Array, ArrayBuffer, Class, Ctx, Exception, Result};
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

use super::ec::{self, Curve};
use super::hash::Hash;
use super::output::{buffer, buffer_or_undefined};
use super::rsa::{EncryptionPadding, SignaturePadding};
use super::{curve25519, rsa as rsa_keys};
use crate::native::bytes::Input;
use crate::native::handle::Handle;
use crate::native::random;

/// A key of a pair.
pub(super) enum Key {
    RsaPrivate(Box<PrivateKey>),
    RsaPublic(Box<PublicKey>),
    EcPrivate(ec::PrivateKey),
    EcPublic(ec::PublicKey),
    Ed25519Private(Box<SigningKey>),
    /// Not decompressed, for WebCrypto imports 32 bytes whether they are a point or not.
    Ed25519Public([u8; 32]),
    X25519Private(StaticSecret),
    X25519Public([u8; 32]),
}

type KeyHandle<'js> = Class<'js, Handle<Key>>;

impl Key {
    /// `RSA`, or the name of the curve.
    fn kind(&self) -> &'static str {
        match self {
            Self::RsaPrivate(_) | Self::RsaPublic(_) => "RSA",
            Self::EcPrivate(key) => key.curve().name(),
            Self::EcPublic(key) => key.curve().name(),
            Self::Ed25519Private(_) | Self::Ed25519Public(_) => "Ed25519",
            Self::X25519Private(_) | Self::X25519Public(_) => "X25519",
        }
    }

    fn is_private(&self) -> bool {
        matches!(
            self,
            Self::RsaPrivate(_)
                | Self::EcPrivate(_)
                | Self::Ed25519Private(_)
                | Self::X25519Private(_)
        )
    }

    /// The public half; of a public key, itself.
    fn to_public(&self) -> Self {
        match self {
            Self::RsaPrivate(key) => Self::RsaPublic(Box::new(key.to_public_key())),
            Self::RsaPublic(key) => Self::RsaPublic(key.clone()),
            Self::EcPrivate(key) => Self::EcPublic(key.public_key()),
            Self::EcPublic(key) => Self::EcPublic(key.clone()),
            Self::Ed25519Private(key) => Self::Ed25519Public(key.verifying_key().to_bytes()),
            Self::Ed25519Public(bytes) => Self::Ed25519Public(*bytes),
            Self::X25519Private(key) => {
                Self::X25519Public(x25519_dalek::PublicKey::from(key).to_bytes())
            }
            Self::X25519Public(bytes) => Self::X25519Public(*bytes),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        if let Some((kind, bytes)) = decode_private(der) {
            return Self::from_private_bytes(kind, bytes.as_ref());
        }
        ec::PrivateKey::from_pkcs8(der)
            .map(Self::EcPrivate)
            .or_else(|| {
                rsa_keys::private_from_pkcs8(der).map(|key| Self::RsaPrivate(Box::new(key)))
            })
    }

    fn from_spki(der: &[u8]) -> Option<Self> {
        if let Some((kind, bytes)) = decode_public(der) {
            return Self::from_public_bytes(kind, &bytes);
        }
        ec::PublicKey::from_spki(der)
            .map(Self::EcPublic)
            .or_else(|| rsa_keys::public_from_spki(der).map(|key| Self::RsaPublic(Box::new(key))))
    }

    /// A scalar or a seed.
    fn from_private_bytes(kind: &str, bytes: &[u8]) -> Option<Self> {
        match kind {
            "Ed25519" => Some(Self::Ed25519Private(Box::new(SigningKey::from_bytes(
                bytes.try_into().ok()?,
            )))),
            "X25519" => Some(Self::X25519Private(StaticSecret::from(
                <[u8; 32]>::try_from(bytes).ok()?,
            ))),
            curve => {
                ec::PrivateKey::from_scalar(Curve::from_name(curve)?, bytes).map(Self::EcPrivate)
            }
        }
    }

    /// A point.
    fn from_public_bytes(kind: &str, bytes: &[u8]) -> Option<Self> {
        match kind {
            "Ed25519" => Some(Self::Ed25519Public(bytes.try_into().ok()?)),
            "X25519" => Some(Self::X25519Public(bytes.try_into().ok()?)),
            curve => ec::PublicKey::from_point(Curve::from_name(curve)?, bytes).map(Self::EcPublic),
        }
    }

    fn to_pkcs8(&self) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::RsaPrivate(key) => rsa_keys::private_to_pkcs8(key),
            Self::EcPrivate(key) => key.to_pkcs8(),
            Self::Ed25519Private(key) => Some(encode_private("Ed25519", key.as_bytes())),
            Self::X25519Private(key) => Some(encode_private("X25519", key.as_bytes())),
            _ => None,
        }
    }

    fn to_spki(&self) -> Option<Vec<u8>> {
        match self {
            Self::RsaPublic(key) => rsa_keys::public_to_spki(key),
            Self::EcPublic(key) => key.to_spki(),
            Self::Ed25519Public(bytes) => Some(encode_public("Ed25519", bytes)),
            Self::X25519Public(bytes) => Some(encode_public("X25519", bytes)),
            _ => None,
        }
    }

    /// Scalar, seed or point; nothing for RSA.
    fn to_raw(&self) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::RsaPrivate(_) | Self::RsaPublic(_) => None,
            Self::EcPrivate(key) => Some(key.scalar()),
            Self::EcPublic(key) => Some(Zeroizing::new(key.point())),
            Self::Ed25519Private(key) => Some(Zeroizing::new(key.to_bytes().to_vec())),
            Self::X25519Private(key) => Some(Zeroizing::new(key.to_bytes().to_vec())),
            Self::Ed25519Public(bytes) | Self::X25519Public(bytes) => {
                Some(Zeroizing::new(bytes.to_vec()))
            }
        }
    }
}

/// `keyGenerate(kind)`: `kind` is the name of a curve.
pub(super) fn generate<'js>(ctx: Ctx<'js>, kind: String) -> Result<KeyHandle<'js>> {
    let mut generator = random::generator(&ctx)?;
    let mut seed = Zeroizing::new([0; 32]);
    let key = match kind.as_str() {
        "Ed25519" | "X25519" => {
            generator.fill_bytes(seed.as_mut());
            Key::from_private_bytes(&kind, seed.as_ref())
        }
        curve => Curve::from_name(curve)
            .map(|curve| Key::EcPrivate(ec::PrivateKey::generate(curve, &mut generator))),
    };
    Handle::give(
        &ctx,
        key.ok_or_else(|| Exception::throw_type(&ctx, &format!("no such curve: {kind}")))?,
    )
}

/// `rsaGenerate(bits, exponent)`: undefined when there is no such key.
pub(super) fn rsa_generate<'js>(
    ctx: Ctx<'js>,
    bits: usize,
    exponent: Input<'js>,
) -> Result<Option<KeyHandle<'js>>> {
    let mut generator = random::generator(&ctx)?;
    rsa_keys::generate(bits, &exponent, &mut generator)
        .map(|key| Handle::give(&ctx, Key::RsaPrivate(Box::new(key))))
        .transpose()
}

/// `keyImport(format, bytes, kind)`: undefined when the bytes are not such a key. `kind` matters to raw formats alone.
pub(super) fn import<'js>(
    ctx: Ctx<'js>,
    format: String,
    bytes: Input<'js>,
    kind: String,
) -> Result<Option<KeyHandle<'js>>> {
    let key = match format.as_str() {
        "pkcs8" => Key::from_pkcs8(&bytes),
        "spki" => Key::from_spki(&bytes),
        "raw-private" => Key::from_private_bytes(&kind, &bytes),
        "raw-public" => Key::from_public_bytes(&kind, &bytes),
        "sec1" => ec::PrivateKey::from_sec1(&bytes).map(Key::EcPrivate),
        "pkcs1-private" => {
            rsa_keys::private_from_pkcs1(&bytes).map(|key| Key::RsaPrivate(Box::new(key)))
        }
        "pkcs1-public" => {
            rsa_keys::public_from_pkcs1(&bytes).map(|key| Key::RsaPublic(Box::new(key)))
        }
        _ => {
            return Err(Exception::throw_type(
                &ctx,
                &format!("no such key format: {format}"),
            ));
        }
    };
    key.map(|key| Handle::give(&ctx, key)).transpose()
}

/// `keyExport(key, format)`: undefined when such a key has no such form.
pub(super) fn export<'js>(
    ctx: Ctx<'js>,
    key: KeyHandle<'js>,
    format: String,
) -> Result<Option<ArrayBuffer<'js>>> {
    let key = &key.try_borrow()?.0;
    let bytes = match (format.as_str(), key) {
        ("pkcs8", key) => key.to_pkcs8(),
        ("spki", key) => key.to_spki().map(Zeroizing::new),
        ("raw", key) => key.to_raw(),
        ("sec1", Key::EcPrivate(key)) => key.to_sec1(),
        ("pkcs1", Key::RsaPrivate(key)) => rsa_keys::private_to_pkcs1(key),
        ("pkcs1", Key::RsaPublic(key)) => rsa_keys::public_to_pkcs1(key).map(Zeroizing::new),
        _ => None,
    };
    buffer_or_undefined(&ctx, bytes.as_deref())
}

/// `keyKind(key)`.
pub(super) fn kind(key: KeyHandle<'_>) -> Result<&'static str> {
    Ok(key.try_borrow()?.0.kind())
}

/// `keyIsPrivate(key)`.
pub(super) fn is_private(key: KeyHandle<'_>) -> Result<bool> {
    Ok(key.try_borrow()?.0.is_private())
}

/// `keyPublic(key)`.
pub(super) fn to_public<'js>(ctx: Ctx<'js>, key: KeyHandle<'js>) -> Result<KeyHandle<'js>> {
    let public = key.try_borrow()?.0.to_public();
    Handle::give(&ctx, public)
}

/// `rsaNumbers(key)`: `n, e` and of a private key also `d, p, q, dp, dq, qi`, big-endian without leading zeros.
pub(super) fn rsa_numbers<'js>(ctx: Ctx<'js>, key: KeyHandle<'js>) -> Result<Option<Array<'js>>> {
    let numbers = Array::new(ctx.clone())?;
    let (public, private) = match &key.try_borrow()?.0 {
        Key::RsaPrivate(key) => (
            rsa_keys::public_numbers(key.as_ref()),
            rsa_keys::private_numbers(key),
        ),
        Key::RsaPublic(key) => (rsa_keys::public_numbers(key.as_ref()), None),
        _ => return Ok(None),
    };
    for (index, bytes) in public.iter().enumerate() {
        numbers.set(index, buffer(&ctx, bytes)?)?;
    }
    for (index, bytes) in private.iter().flatten().enumerate() {
        numbers.set(public.len() + index, buffer(&ctx, bytes.as_slice())?)?;
    }
    Ok(Some(numbers))
}

/// `rsaFromNumbers([n, e] | [n, e, d] | [n, e, d, p, q])`: undefined when they are no key.
pub(super) fn rsa_from_numbers<'js>(
    ctx: Ctx<'js>,
    numbers: Vec<Input<'js>>,
) -> Result<Option<KeyHandle<'js>>> {
    let key = match numbers.as_slice() {
        [n, e] => rsa_keys::public_from_numbers(n, e).map(|key| Key::RsaPublic(Box::new(key))),
        [n, e, d, primes @ ..] => {
            let primes: Vec<&[u8]> = primes.iter().map(|prime| &**prime).collect();
            rsa_keys::private_from_numbers(n, e, d, &primes)
                .map(|key| Key::RsaPrivate(Box::new(key)))
        }
        _ => None,
    };
    key.map(|key| Handle::give(&ctx, key)).transpose()
}

/// `rsaModulusBits(key)`.
pub(super) fn rsa_modulus_bits(key: KeyHandle<'_>) -> Result<Option<u32>> {
    Ok(match &key.try_borrow()?.0 {
        Key::RsaPrivate(key) => Some(key.n().bit_width()),
        Key::RsaPublic(key) => Some(key.n().bit_width()),
        _ => None,
    })
}

/// PSS when there is a length of salt, less than zero for any; else PKCS #1.
fn signature_padding(salt_bytes: Option<i64>) -> SignaturePadding {
    salt_bytes.map_or(SignaturePadding::Pkcs1, |salt_bytes| {
        SignaturePadding::Pss {
            salt_bytes: usize::try_from(salt_bytes).ok(),
        }
    })
}

/// `rsaSign(key, hash, saltBytes | undefined, data)`: undefined when the key is too small.
pub(super) fn rsa_sign<'js>(
    ctx: Ctx<'js>,
    key: KeyHandle<'js>,
    hash: Hash,
    salt_bytes: Option<i64>,
    data: Input<'js>,
) -> Result<Option<ArrayBuffer<'js>>> {
    let mut generator = random::generator(&ctx)?;
    let signature = match &key.try_borrow()?.0 {
        Key::RsaPrivate(key) => rsa_keys::sign(
            key,
            hash,
            &hash.of(&data),
            signature_padding(salt_bytes),
            &mut generator,
        ),
        _ => None,
    };
    buffer_or_undefined(&ctx, signature)
}

/// `rsaVerify(key, hash, saltBytes | undefined, signature, data)`.
pub(super) fn rsa_verify<'js>(
    key: KeyHandle<'js>,
    hash: Hash,
    salt_bytes: Option<i64>,
    signature: Input<'js>,
    data: Input<'js>,
) -> Result<bool> {
    Ok(match &key.try_borrow()?.0 {
        Key::RsaPublic(key) => rsa_keys::verify(
            key,
            hash,
            &hash.of(&data),
            &signature,
            signature_padding(salt_bytes),
        ),
        _ => false,
    })
}

/// OAEP when there is a hash, else PKCS #1.
fn encryption_padding(hash: Option<Hash>, label: &[u8]) -> EncryptionPadding<'_> {
    hash.map_or(EncryptionPadding::Pkcs1, |hash| EncryptionPadding::Oaep {
        hash,
        label,
    })
}

/// `rsaEncrypt(key, hash | undefined, label, data)`: undefined when the data is too long.
pub(super) fn rsa_encrypt<'js>(
    ctx: Ctx<'js>,
    key: KeyHandle<'js>,
    hash: Option<Hash>,
    label: Input<'js>,
    data: Input<'js>,
) -> Result<Option<ArrayBuffer<'js>>> {
    let mut generator = random::generator(&ctx)?;
    let sealed = match &key.try_borrow()?.0 {
        Key::RsaPublic(key) => {
            rsa_keys::encrypt(key, encryption_padding(hash, &label), &data, &mut generator)
        }
        _ => None,
    };
    buffer_or_undefined(&ctx, sealed)
}

/// `rsaDecrypt(key, hash | undefined, label, data)`: undefined when it was not encrypted for this key.
pub(super) fn rsa_decrypt<'js>(
    ctx: Ctx<'js>,
    key: KeyHandle<'js>,
    hash: Option<Hash>,
    label: Input<'js>,
    data: Input<'js>,
) -> Result<Option<ArrayBuffer<'js>>> {
    let mut generator = random::generator(&ctx)?;
    let opened = match &key.try_borrow()?.0 {
        Key::RsaPrivate(key) => {
            rsa_keys::decrypt(key, encryption_padding(hash, &label), &data, &mut generator)
        }
        _ => None,
    };
    buffer_or_undefined(&ctx, opened.as_deref())
}

/// `ecdsaSign(key, hash, data)`: `r || s`.
pub(super) fn ecdsa_sign<'js>(
    ctx: Ctx<'js>,
    key: KeyHandle<'js>,
    hash: Hash,
    data: Input<'js>,
) -> Result<Option<ArrayBuffer<'js>>> {
    let mut generator = random::generator(&ctx)?;
    let signature = match &key.try_borrow()?.0 {
        Key::EcPrivate(key) => key.sign(&hash.of(&data), &mut generator),
        _ => None,
    };
    buffer_or_undefined(&ctx, signature)
}

/// `ecdsaVerify(key, hash, signature, data)`.
pub(super) fn ecdsa_verify<'js>(
    key: KeyHandle<'js>,
    hash: Hash,
    signature: Input<'js>,
    data: Input<'js>,
) -> Result<bool> {
    Ok(
        matches!(&key.try_borrow()?.0, Key::EcPublic(key) if key.verify(&hash.of(&data), &signature)),
    )
}

/// `ecdsaToDer(kind, signature)`: undefined when it is no signature.
pub(super) fn ecdsa_to_der<'js>(
    ctx: Ctx<'js>,
    kind: String,
    signature: Input<'js>,
) -> Result<Option<ArrayBuffer<'js>>> {
    buffer_or_undefined(
        &ctx,
        Curve::from_name(&kind).and_then(|curve| ec::signature_to_der(curve, &signature)),
    )
}

/// `ecdsaFromDer(kind, signature)`: undefined when it is no signature.
pub(super) fn ecdsa_from_der<'js>(
    ctx: Ctx<'js>,
    kind: String,
    signature: Input<'js>,
) -> Result<Option<ArrayBuffer<'js>>> {
    buffer_or_undefined(
        &ctx,
        Curve::from_name(&kind).and_then(|curve| ec::signature_from_der(curve, &signature)),
    )
}

/// `ed25519Sign(key, data)`.
pub(super) fn ed25519_sign<'js>(
    ctx: Ctx<'js>,
    key: KeyHandle<'js>,
    data: Input<'js>,
) -> Result<Option<ArrayBuffer<'js>>> {
    let signature = match &key.try_borrow()?.0 {
        Key::Ed25519Private(key) => Some(key.sign(&data).to_bytes()),
        _ => None,
    };
    buffer_or_undefined(&ctx, signature)
}

/// `ed25519Verify(key, signature, data)`.
pub(super) fn ed25519_verify<'js>(
    key: KeyHandle<'js>,
    signature: Input<'js>,
    data: Input<'js>,
) -> Result<bool> {
    let Key::Ed25519Public(bytes) = &key.try_borrow()?.0 else {
        return Ok(false);
    };
    let (Ok(key), Ok(signature)) = (
        VerifyingKey::from_bytes(bytes),
        Signature::from_slice(&signature),
    ) else {
        return Ok(false);
    };
    Ok(key.verify(&data, &signature).is_ok())
}

/// `agree(privateKey, publicKey)`: the secret both sides share; undefined when there is none.
pub(super) fn agree<'js>(
    ctx: Ctx<'js>,
    private: KeyHandle<'js>,
    public: KeyHandle<'js>,
) -> Result<Option<ArrayBuffer<'js>>> {
    let secret = match (&private.try_borrow()?.0, &public.try_borrow()?.0) {
        (Key::EcPrivate(private), Key::EcPublic(public)) => private.agree(public),
        (Key::X25519Private(private), Key::X25519Public(public)) => {
            let shared = private.diffie_hellman(&x25519_dalek::PublicKey::from(*public));
            // A public key of small order shares a secret that everyone knows, RFC 7748 section 6.1.
            shared
                .was_contributory()
                .then(|| Zeroizing::new(shared.to_bytes().to_vec()))
        }
        _ => None,
    };
    buffer_or_undefined(&ctx, secret.as_deref())
}
