//! `atoll:native/crypto`: the primitives under WebCrypto and `node:crypto`.
//!
//! A result that is `undefined` means that the operation failed and that nobody shall learn why; what is thrown from
//! here is a mistake of our own JavaScript. Keys of a pair live here, secret keys are bytes that JavaScript holds.

mod aes;
mod checksum;
mod cipher;
mod curve25519;
mod ec;
mod finite;
mod gcm;
mod hash;
mod key;
mod output;
mod rsa;
mod text;

use rquickjs::{Ctx, Function, Object, Result};
use subtle::ConstantTimeEq;

use super::bytes::Input;

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    macro_rules! export {
        ($($name:literal => $function:expr),+ $(,)?) => {
            $(exports.set($name, Function::new(ctx.clone(), $function)?.with_name($name)?)?;)+
        };
    }
    export! {
        "timingSafeEqual" => timing_safe_equal,
        "base64UrlEncode" => text::base64_url_encode,
        "base64UrlDecode" => text::base64_url_decode,
        "utf8Encode" => text::utf8_encode,
        "utf8Decode" => text::utf8_decode,
        "digest" => hash::digest,
        "checksumStart" => checksum::start,
        "checksumUpdate" => checksum::update,
        "checksumFinish" => checksum::finish,
        "hashStart" => hash::start,
        "hashUpdate" => hash::update,
        "hashCopy" => hash::copy,
        "hashFinish" => hash::finish,
        "hmacStart" => hash::hmac_start,
        "hmacUpdate" => hash::hmac_update,
        "hmacFinish" => hash::hmac_finish,
        "hmacSign" => hash::hmac_sign,
        "hmacVerify" => hash::hmac_verify,
        "hkdf" => hash::hkdf,
        "pbkdf2" => hash::pbkdf2,
        "scrypt" => hash::scrypt,
        "aesCbcEncrypt" => aes::cbc_encrypt,
        "aesCbcDecrypt" => aes::cbc_decrypt,
        "aesCtr" => aes::ctr,
        "aesGcmEncrypt" => aes::gcm_encrypt,
        "aesGcmDecrypt" => aes::gcm_decrypt,
        "aesKwWrap" => aes::kw_wrap,
        "aesKwUnwrap" => aes::kw_unwrap,
        "cipherStart" => cipher::start,
        "cipherAdditionalData" => cipher::additional_data,
        "cipherUpdate" => cipher::update,
        "cipherFinish" => cipher::finish,
        "power" => finite::power,
        "isPrime" => finite::is_prime,
        "randomPrime" => finite::random_prime,
        "keyGenerate" => key::generate,
        "keyImport" => key::import,
        "keyExport" => key::export,
        "keyKind" => key::kind,
        "keyIsPrivate" => key::is_private,
        "keyPublic" => key::to_public,
        "rsaGenerate" => key::rsa_generate,
        "rsaNumbers" => key::rsa_numbers,
        "rsaFromNumbers" => key::rsa_from_numbers,
        "rsaModulusBits" => key::rsa_modulus_bits,
        "rsaSign" => key::rsa_sign,
        "rsaVerify" => key::rsa_verify,
        "rsaEncrypt" => key::rsa_encrypt,
        "rsaDecrypt" => key::rsa_decrypt,
        "ecdsaSign" => key::ecdsa_sign,
        "ecdsaVerify" => key::ecdsa_verify,
        "ecdsaToDer" => key::ecdsa_to_der,
        "ecdsaFromDer" => key::ecdsa_from_der,
        "ed25519Sign" => key::ed25519_sign,
        "ed25519Verify" => key::ed25519_verify,
        "agree" => key::agree,
    }
    Ok(exports)
}

/// `timingSafeEqual(a, b)` of two arrays of the same length.
fn timing_safe_equal(a: Input<'_>, b: Input<'_>) -> bool {
    a.ct_eq(&b).into()
}
