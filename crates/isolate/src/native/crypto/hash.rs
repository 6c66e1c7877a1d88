//! Hashes and the constructions on them: HMAC, HKDF, PBKDF2, scrypt.

use hmac::digest::DynDigest;
use hmac::{Hmac, KeyInit, Mac, SimpleHmac};
use md5::Md5;
use ripemd::Ripemd160;
use rquickjs::{ArrayBuffer, Class, Ctx, Exception, FromJs, Result, Value};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};

use super::output::{buffer, buffer_or_undefined};
use crate::native::bytes::Input;
use crate::native::handle::Handle;

/// A hash function, by the name WebCrypto or, without a WebCrypto name, Node gives it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Hash {
    Md5,
    Ripemd160,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512_224,
    Sha512_256,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
}

impl<'js> FromJs<'js> for Hash {
    fn from_js(ctx: &Ctx<'js>, value: Value<'js>) -> Result<Self> {
        let name = String::from_js(ctx, value)?;
        Ok(match name.as_str() {
            "MD5" => Self::Md5,
            "RIPEMD160" => Self::Ripemd160,
            "SHA-1" => Self::Sha1,
            "SHA-224" => Self::Sha224,
            "SHA-256" => Self::Sha256,
            "SHA-384" => Self::Sha384,
            "SHA-512" => Self::Sha512,
            "SHA-512/224" => Self::Sha512_224,
            "SHA-512/256" => Self::Sha512_256,
            "SHA3-224" => Self::Sha3_224,
            "SHA3-256" => Self::Sha3_256,
            "SHA3-384" => Self::Sha3_384,
            "SHA3-512" => Self::Sha3_512,
            _ => return Err(Exception::throw_type(ctx, &format!("unknown hash {name}"))),
        })
    }
}

/// Runs an expression with a type parameter standing for a hash.
macro_rules! with_hash {
    ($hash:expr, $Digest:ident => $body:expr) => {
        match $hash {
            Hash::Sha3_224 => { type $Digest = Sha3_224; $body }
            Hash::Sha3_256 => { type $Digest = Sha3_256; $body }
            Hash::Sha3_384 => { type $Digest = Sha3_384; $body }
            Hash::Sha3_512 => { type $Digest = Sha3_512; $body }
            hash => with_block_hash!(hash, $Digest => $body, unreachable!("the arms above are the other hashes")),
        }
    };
}

/// The same for the hashes that HMAC can take; the last expression is for the others.
macro_rules! with_block_hash {
    ($hash:expr, $Digest:ident => $body:expr, $otherwise:expr) => {
        match $hash {
            Hash::Md5 => {
                type $Digest = Md5;
                $body
            }
            Hash::Ripemd160 => {
                type $Digest = Ripemd160;
                $body
            }
            Hash::Sha1 => {
                type $Digest = Sha1;
                $body
            }
            Hash::Sha224 => {
                type $Digest = Sha224;
                $body
            }
            Hash::Sha256 => {
                type $Digest = Sha256;
                $body
            }
            Hash::Sha384 => {
                type $Digest = Sha384;
                $body
            }
            Hash::Sha512 => {
                type $Digest = Sha512;
                $body
            }
            Hash::Sha512_224 => {
                type $Digest = Sha512_224;
                $body
            }
            Hash::Sha512_256 => {
                type $Digest = Sha512_256;
                $body
            }
            _ => $otherwise,
        }
    };
}

/// The same for the hashes that signatures and RSA name.
macro_rules! with_signature_hash {
    ($hash:expr, $Digest:ident => $body:expr, $otherwise:expr) => {
        match $hash {
            Hash::Md5 => {
                type $Digest = md5::Md5;
                $body
            }
            Hash::Sha1 => {
                type $Digest = sha1::Sha1;
                $body
            }
            Hash::Sha224 => {
                type $Digest = sha2::Sha224;
                $body
            }
            Hash::Sha256 => {
                type $Digest = sha2::Sha256;
                $body
            }
            Hash::Sha384 => {
                type $Digest = sha2::Sha384;
                $body
            }
            Hash::Sha512 => {
                type $Digest = sha2::Sha512;
                $body
            }
            _ => $otherwise,
        }
    };
}
pub(super) use with_signature_hash;

impl Hash {
    /// Starts a computation.
    fn start(self) -> Box<dyn DynDigest> {
        with_hash!(self, D => Box::new(D::default()))
    }

    /// The hash of `data`.
    pub(super) fn of(self, data: &[u8]) -> Box<[u8]> {
        let mut state = self.start();
        state.update(data);
        state.finalize()
    }
}

/// A hash being computed; `None` once its value was taken.
pub(super) type Hashing = Option<Box<dyn DynDigest>>;

/// `digest(hash, data)`.
pub(super) fn digest<'js>(ctx: Ctx<'js>, hash: Hash, data: Input<'js>) -> Result<ArrayBuffer<'js>> {
    buffer(&ctx, hash.of(&data))
}

/// `hashStart(hash)`.
pub(super) fn start<'js>(ctx: Ctx<'js>, hash: Hash) -> Result<Class<'js, Handle<Hashing>>> {
    Handle::give(&ctx, Some(hash.start()))
}

/// `hashUpdate(state, data)`.
pub(super) fn update<'js>(state: Class<'js, Handle<Hashing>>, data: Input<'js>) -> Result<()> {
    if let Some(state) = &mut state.try_borrow_mut()?.0 {
        state.update(&data);
    }
    Ok(())
}

/// `hashCopy(state)`.
pub(super) fn copy<'js>(
    ctx: Ctx<'js>,
    state: Class<'js, Handle<Hashing>>,
) -> Result<Class<'js, Handle<Hashing>>> {
    let copied = state.try_borrow()?.0.clone();
    Handle::give(&ctx, copied)
}

/// `hashFinish(state)`: ends the computation.
pub(super) fn finish<'js>(
    ctx: Ctx<'js>,
    state: Class<'js, Handle<Hashing>>,
) -> Result<Option<ArrayBuffer<'js>>> {
    let state = state.try_borrow_mut()?.0.take();
    buffer_or_undefined(&ctx, state.map(DynDigest::finalize))
}

/// What HMAC needs of any hash, behind a pointer.
trait Authenticator {
    fn update(&mut self, data: &[u8]);
    fn finish(self: Box<Self>) -> Vec<u8>;
    fn verify(self: Box<Self>, tag: &[u8]) -> bool;
}

impl<M: Mac> Authenticator for M {
    fn update(&mut self, data: &[u8]) {
        Mac::update(self, data);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.finalize().into_bytes().to_vec()
    }

    fn verify(self: Box<Self>, tag: &[u8]) -> bool {
        self.verify_slice(tag).is_ok()
    }
}

/// An HMAC being computed; `None` once its value was taken.
pub(super) struct Authenticating(Option<Box<dyn Authenticator>>);

fn authenticator(hash: Hash, key: &[u8]) -> Box<dyn Authenticator> {
    let any_length = "HMAC takes keys of any length";
    with_block_hash!(hash, D => Box::new(Hmac::<D>::new_from_slice(key).expect(any_length)), {
        with_hash!(hash, D => Box::new(SimpleHmac::<D>::new_from_slice(key).expect(any_length)))
    })
}

/// `hmacStart(hash, key)`.
pub(super) fn hmac_start<'js>(
    ctx: Ctx<'js>,
    hash: Hash,
    key: Input<'js>,
) -> Result<Class<'js, Handle<Authenticating>>> {
    let state = authenticator(hash, &key);
    Handle::give(&ctx, Authenticating(Some(state)))
}

/// `hmacUpdate(state, data)`.
pub(super) fn hmac_update<'js>(
    state: Class<'js, Handle<Authenticating>>,
    data: Input<'js>,
) -> Result<()> {
    if let Some(state) = &mut state.try_borrow_mut()?.0.0 {
        state.update(&data);
    }
    Ok(())
}

/// `hmacFinish(state)`: ends the computation.
pub(super) fn hmac_finish<'js>(
    ctx: Ctx<'js>,
    state: Class<'js, Handle<Authenticating>>,
) -> Result<Option<ArrayBuffer<'js>>> {
    let state = state.try_borrow_mut()?.0.0.take();
    buffer_or_undefined(&ctx, state.map(Authenticator::finish))
}

/// `hmacSign(hash, key, data)`.
pub(super) fn hmac_sign<'js>(
    ctx: Ctx<'js>,
    hash: Hash,
    key: Input<'js>,
    data: Input<'js>,
) -> Result<ArrayBuffer<'js>> {
    let mut state = authenticator(hash, &key);
    state.update(&data);
    buffer(&ctx, state.finish())
}

/// `hmacVerify(hash, key, signature, data)`, in constant time.
pub(super) fn hmac_verify<'js>(
    hash: Hash,
    key: Input<'js>,
    signature: Input<'js>,
    data: Input<'js>,
) -> Result<bool> {
    let mut state = authenticator(hash, &key);
    state.update(&data);
    Ok(state.verify(&signature))
}

/// `hkdf(hash, key, salt, info, length)`: undefined when the hash cannot give that many bytes.
pub(super) fn hkdf<'js>(
    ctx: Ctx<'js>,
    hash: Hash,
    key: Input<'js>,
    salt: Input<'js>,
    info: Input<'js>,
    length: usize,
) -> Result<Option<ArrayBuffer<'js>>> {
    with_block_hash!(hash, D => {
        // RFC 5869 section 2.3; checked before the memory is asked for.
        if length > 255 * <D as hmac::digest::Digest>::output_size() {
            return Ok(None);
        }
        let mut derived = vec![0; length];
        let fits = hkdf::Hkdf::<D>::new(Some(&salt), &key).expand(&info, &mut derived).is_ok();
        buffer_or_undefined(&ctx, fits.then_some(derived))
    }, Err(Exception::throw_type(&ctx, &format!("HKDF with {hash:?} is not supported"))))
}

/// `pbkdf2(hash, password, salt, iterations, length)`.
pub(super) fn pbkdf2<'js>(
    ctx: Ctx<'js>,
    hash: Hash,
    password: Input<'js>,
    salt: Input<'js>,
    iterations: u32,
    length: usize,
) -> Result<ArrayBuffer<'js>> {
    let mut derived = vec![0; length];
    with_block_hash!(hash, D => {
        pbkdf2::pbkdf2_hmac::<D>(&password, &salt, iterations, &mut derived);
    }, return Err(Exception::throw_type(&ctx, &format!("PBKDF2 with {hash:?} is not supported"))));
    buffer(&ctx, derived)
}

/// `scrypt(password, salt, logCost, blockSize, parallelization, length)`: undefined for parameters out of range.
pub(super) fn scrypt<'js>(
    ctx: Ctx<'js>,
    password: Input<'js>,
    salt: Input<'js>,
    log_cost: u8,
    block_size: u32,
    parallelization: u32,
    length: usize,
) -> Result<Option<ArrayBuffer<'js>>> {
    let mut derived = vec![0; length];
    // The crate multiplies these two unchecked.
    let in_range = block_size
        .checked_mul(parallelization)
        .is_some_and(|product| product < 1 << 30);
    let done = in_range
        && scrypt::Params::new(log_cost, block_size, parallelization).is_ok_and(|parameters| {
            scrypt::scrypt(&password, &salt, &parameters, &mut derived).is_ok()
        });
    buffer_or_undefined(&ctx, done.then_some(derived))
}
