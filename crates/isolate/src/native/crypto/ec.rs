//! Keys on the NIST curves: ECDSA and ECDH.

use p256::NistP256;
use p256::ecdsa::signature::hazmat::{PrehashVerifier, RandomizedPrehashSigner};
use p256::elliptic_curve::Generate;
use p256::elliptic_curve::sec1::ToSec1Point;
use p384::NistP384;
use p521::NistP521;
use pkcs8::spki::{DecodePublicKey, EncodePublicKey};
use pkcs8::{DecodePrivateKey, EncodePrivateKey};
use zeroize::Zeroizing;

use crate::native::random::Generator;

/// A curve, by its WebCrypto name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    pub(super) const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.name() == name)
    }

    /// Bytes of a coordinate or a scalar.
    pub(super) fn field_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

pub(super) enum PrivateKey {
    P256(p256::SecretKey),
    P384(p384::SecretKey),
    P521(p521::SecretKey),
}

#[derive(Clone, PartialEq)]
pub(super) enum PublicKey {
    P256(p256::PublicKey),
    P384(p384::PublicKey),
    P521(p521::PublicKey),
}

/// Runs an expression for whichever curve a key is on, with the curve's type.
macro_rules! each {
    ($Kind:ident, $key:expr, $inner:ident, $Curve:ident => $body:expr) => {
        match $key {
            $Kind::P256($inner) => {
                type $Curve = NistP256;
                $body
            }
            $Kind::P384($inner) => {
                type $Curve = NistP384;
                $body
            }
            $Kind::P521($inner) => {
                type $Curve = NistP521;
                $body
            }
        }
    };
}

/// Makes a key for the curve at hand out of an expression that gives an `Option`, with the curve's type.
macro_rules! make {
    ($Kind:ident, $curve:expr, $Curve:ident => $body:expr) => {
        match $curve {
            Curve::P256 => {
                type $Curve = NistP256;
                $body.map($Kind::P256)
            }
            Curve::P384 => {
                type $Curve = NistP384;
                $body.map($Kind::P384)
            }
            Curve::P521 => {
                type $Curve = NistP521;
                $body.map($Kind::P521)
            }
        }
    };
}

type Secret<C> = p256::elliptic_curve::SecretKey<C>;
type Public<C> = p256::elliptic_curve::PublicKey<C>;

impl PrivateKey {
    pub(super) fn generate(curve: Curve, random: &mut Generator) -> Self {
        make!(PrivateKey, curve, C => Some(Secret::<C>::generate_from_rng(random)))
            .expect("generating cannot fail")
    }

    pub(super) fn curve(&self) -> Curve {
        match self {
            Self::P256(_) => Curve::P256,
            Self::P384(_) => Curve::P384,
            Self::P521(_) => Curve::P521,
        }
    }

    pub(super) fn from_pkcs8(der: &[u8]) -> Option<Self> {
        Curve::ALL
            .into_iter()
            .find_map(|curve| make!(PrivateKey, curve, C => Secret::<C>::from_pkcs8_der(der).ok()))
    }

    pub(super) fn from_sec1(der: &[u8]) -> Option<Self> {
        Curve::ALL
            .into_iter()
            .find_map(|curve| make!(PrivateKey, curve, C => Secret::<C>::from_sec1_der(der).ok()))
    }

    /// From a big-endian scalar of the curve's full width.
    pub(super) fn from_scalar(curve: Curve, scalar: &[u8]) -> Option<Self> {
        if scalar.len() != curve.field_bytes() {
            return None;
        }
        make!(PrivateKey, curve, C => Secret::<C>::from_slice(scalar).ok())
    }

    pub(super) fn scalar(&self) -> Zeroizing<Vec<u8>> {
        each!(PrivateKey, self, key, _C => Zeroizing::new(key.to_bytes().to_vec()))
    }

    pub(super) fn to_pkcs8(&self) -> Option<Zeroizing<Vec<u8>>> {
        each!(PrivateKey, self, key, _C => key.to_pkcs8_der().ok().map(|der| der.to_bytes()))
    }

    pub(super) fn to_sec1(&self) -> Option<Zeroizing<Vec<u8>>> {
        each!(PrivateKey, self, key, _C => key.to_sec1_der().ok())
    }

    pub(super) fn public_key(&self) -> PublicKey {
        match self {
            Self::P256(key) => PublicKey::P256(key.public_key()),
            Self::P384(key) => PublicKey::P384(key.public_key()),
            Self::P521(key) => PublicKey::P521(key.public_key()),
        }
    }

    /// A signature of a hash, `r || s`. Its nonce is RFC 6979's with added randomness, so that neither a weak
    /// generator nor a fault alone gives the key away.
    pub(super) fn sign(&self, hash: &[u8], random: &mut Generator) -> Option<Vec<u8>> {
        each!(PrivateKey, self, key, C => {
            let signature: ecdsa::Signature<C> =
                ecdsa::SigningKey::<C>::from(key).sign_prehash_with_rng(random, hash).ok()?;
            Some(signature.to_bytes().to_vec())
        })
    }

    /// The x-coordinate of the shared point, or nothing when the curves differ.
    pub(super) fn agree(&self, public: &PublicKey) -> Option<Zeroizing<Vec<u8>>> {
        let shared = match (self, public) {
            (Self::P256(key), PublicKey::P256(public)) => {
                key.diffie_hellman(public).raw_secret_bytes().to_vec()
            }
            (Self::P384(key), PublicKey::P384(public)) => {
                key.diffie_hellman(public).raw_secret_bytes().to_vec()
            }
            (Self::P521(key), PublicKey::P521(public)) => {
                key.diffie_hellman(public).raw_secret_bytes().to_vec()
            }
            _ => return None,
        };
        Some(Zeroizing::new(shared))
    }
}

impl PublicKey {
    pub(super) fn curve(&self) -> Curve {
        match self {
            Self::P256(_) => Curve::P256,
            Self::P384(_) => Curve::P384,
            Self::P521(_) => Curve::P521,
        }
    }

    pub(super) fn from_spki(der: &[u8]) -> Option<Self> {
        Curve::ALL.into_iter().find_map(
            |curve| make!(PublicKey, curve, C => Public::<C>::from_public_key_der(der).ok()),
        )
    }

    /// From a point, compressed or not.
    pub(super) fn from_point(curve: Curve, point: &[u8]) -> Option<Self> {
        make!(PublicKey, curve, C => Public::<C>::from_sec1_bytes(point).ok())
    }

    pub(super) fn to_spki(&self) -> Option<Vec<u8>> {
        each!(PublicKey, self, key, _C => key.to_public_key_der().ok().map(|der| der.into_vec()))
    }

    /// The point, uncompressed: `4 || x || y`.
    pub(super) fn point(&self) -> Vec<u8> {
        each!(PublicKey, self, key, _C => key.to_sec1_point(false).as_bytes().to_vec())
    }

    /// Whether `signature`, `r || s`, is this key's for a hash.
    pub(super) fn verify(&self, hash: &[u8], signature: &[u8]) -> bool {
        each!(PublicKey, self, key, C => ecdsa::Signature::<C>::from_slice(signature).is_ok_and(|signature| {
            ecdsa::VerifyingKey::<C>::from(key).verify_prehash(hash, &signature).is_ok()
        }))
    }
}

/// A signature `r || s` as the DER that Node and X.509 use.
pub(super) fn signature_to_der(curve: Curve, signature: &[u8]) -> Option<Vec<u8>> {
    match curve {
        Curve::P256 => p256::ecdsa::Signature::from_slice(signature)
            .ok()
            .map(|it| it.to_der().as_bytes().to_vec()),
        Curve::P384 => p384::ecdsa::Signature::from_slice(signature)
            .ok()
            .map(|it| it.to_der().as_bytes().to_vec()),
        Curve::P521 => p521::ecdsa::Signature::from_slice(signature)
            .ok()
            .map(|it| it.to_der().as_bytes().to_vec()),
    }
}

/// The other way.
pub(super) fn signature_from_der(curve: Curve, der: &[u8]) -> Option<Vec<u8>> {
    match curve {
        Curve::P256 => p256::ecdsa::Signature::from_der(der)
            .ok()
            .map(|it| it.to_bytes().to_vec()),
        Curve::P384 => p384::ecdsa::Signature::from_der(der)
            .ok()
            .map(|it| it.to_bytes().to_vec()),
        Curve::P521 => p521::ecdsa::Signature::from_der(der)
            .ok()
            .map(|it| it.to_bytes().to_vec()),
    }
}
