//! AES in its modes.

use aes::cipher::{
    Array, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit, StreamCipher,
};
use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::block_padding::Pkcs7;
use ctr::Ctr128BE;
use rquickjs::{ArrayBuffer, Ctx, Exception, Result};

use super::gcm::Gcm;
use super::output::{buffer, buffer_or_undefined};
use crate::native::bytes::Input;

const BLOCK_BYTES: usize = 16;

/// Runs an expression with a type parameter standing for the AES of a key's length.
macro_rules! with_aes {
    ($ctx:expr, $key:expr, $Aes:ident => $body:expr) => {
        match $key.len() {
            16 => {
                type $Aes = Aes128;
                $body
            }
            24 => {
                type $Aes = Aes192;
                $body
            }
            32 => {
                type $Aes = Aes256;
                $body
            }
            _ => {
                return Err(Exception::throw_type(
                    $ctx,
                    "an AES key has 16, 24 or 32 bytes",
                ))
            }
        }
    };
}
pub(super) use with_aes;

/// Checks that an initialization vector or counter is one block.
fn block(ctx: &Ctx<'_>, bytes: &[u8]) -> Result<[u8; BLOCK_BYTES]> {
    bytes
        .try_into()
        .map_err(|_| Exception::throw_type(ctx, "an AES block has 16 bytes"))
}

/// `aesCbcEncrypt(key, iv, data)`.
pub(super) fn cbc_encrypt<'js>(
    ctx: Ctx<'js>,
    key: Input<'js>,
    iv: Input<'js>,
    data: Input<'js>,
) -> Result<ArrayBuffer<'js>> {
    let iv = block(&ctx, &iv)?;
    let sealed = with_aes!(&ctx, key, Aes => {
        let cipher = cbc::Encryptor::<Aes>::new_from_slices(&key, &iv).expect("both lengths were checked");
        cipher.encrypt_padded_vec::<Pkcs7>(&data)
    });
    buffer(&ctx, sealed)
}

/// `aesCbcDecrypt(key, iv, data)`: undefined when the padding is wrong.
pub(super) fn cbc_decrypt<'js>(
    ctx: Ctx<'js>,
    key: Input<'js>,
    iv: Input<'js>,
    data: Input<'js>,
) -> Result<Option<ArrayBuffer<'js>>> {
    let iv = block(&ctx, &iv)?;
    let opened = with_aes!(&ctx, key, Aes => {
        let cipher = cbc::Decryptor::<Aes>::new_from_slices(&key, &iv).expect("both lengths were checked");
        cipher.decrypt_padded_vec::<Pkcs7>(&data).ok()
    });
    buffer_or_undefined(&ctx, opened)
}

/// `aesCtr(key, counter, counterBits, data)`: undefined when the counter would repeat.
///
/// Only the low `counterBits` bits count; the crate's counter has all 128, so the data is cut where the low bits wrap.
pub(super) fn ctr<'js>(
    ctx: Ctx<'js>,
    key: Input<'js>,
    counter: Input<'js>,
    counter_bits: u32,
    data: Input<'js>,
) -> Result<Option<ArrayBuffer<'js>>> {
    let start = u128::from_be_bytes(block(&ctx, &counter)?);
    let mask = u128::MAX
        .checked_shr(128_u32.saturating_sub(counter_bits))
        .unwrap_or(0);
    let blocks = data.len().div_ceil(BLOCK_BYTES) as u128;
    if blocks > 0 && blocks - 1 > mask {
        return Ok(None);
    }
    let mut output = data.to_vec();
    let before_wrap = (mask - (start & mask)).saturating_add(1);
    let cut = usize::try_from(before_wrap)
        .ok()
        .and_then(|blocks| blocks.checked_mul(BLOCK_BYTES))
        .map_or(output.len(), |bytes| bytes.min(output.len()));
    with_aes!(&ctx, key, Aes => {
        let (first, second) = output.split_at_mut(cut);
        let wrapped = start & !mask;
        for (counter, part) in [(start, first), (wrapped, second)] {
            let mut cipher = Ctr128BE::<Aes>::new_from_slices(&key, &counter.to_be_bytes())
                .expect("both lengths were checked");
            cipher.apply_keystream(part);
        }
    });
    buffer(&ctx, output).map(Some)
}

/// `aesGcmEncrypt(key, iv, additionalData, tagBytes, data)`.
pub(super) fn gcm_encrypt<'js>(
    ctx: Ctx<'js>,
    key: Input<'js>,
    iv: Input<'js>,
    additional: Input<'js>,
    tag_bytes: usize,
    data: Input<'js>,
) -> Result<ArrayBuffer<'js>> {
    let mut output = Vec::with_capacity(data.len() + BLOCK_BYTES);
    output.extend_from_slice(&data);
    let tag = with_aes!(&ctx, key, Aes => {
        let cipher = Aes::new_from_slice(&key).expect("the length was checked");
        let mut gcm = Gcm::new(cipher, &iv, &additional);
        gcm.encrypt(&mut output);
        gcm.tag()
    });
    output.extend_from_slice(tag.get(..tag_bytes).unwrap_or(&tag));
    buffer(&ctx, output)
}

/// `aesGcmDecrypt(key, iv, additionalData, tagBytes, data)`: undefined when the tag is wrong.
pub(super) fn gcm_decrypt<'js>(
    ctx: Ctx<'js>,
    key: Input<'js>,
    iv: Input<'js>,
    additional: Input<'js>,
    tag_bytes: usize,
    data: Input<'js>,
) -> Result<Option<ArrayBuffer<'js>>> {
    let Some((sealed, tag)) = data
        .len()
        .checked_sub(tag_bytes)
        .and_then(|cut| data.split_at_checked(cut))
    else {
        return Ok(None);
    };
    let mut output = sealed.to_vec();
    let genuine = with_aes!(&ctx, key, Aes => {
        let cipher = Aes::new_from_slice(&key).expect("the length was checked");
        let mut gcm = Gcm::new(cipher, &iv, &additional);
        gcm.decrypt(&mut output);
        gcm.verify(tag)
    });
    buffer_or_undefined(&ctx, genuine.then_some(output))
}

/// `aesKwWrap(key, data)`: undefined when the data is not at least two blocks of 8 bytes.
pub(super) fn kw_wrap<'js>(
    ctx: Ctx<'js>,
    key: Input<'js>,
    data: Input<'js>,
) -> Result<Option<ArrayBuffer<'js>>> {
    if data.len() < 16 {
        return Ok(None);
    }
    let mut output = vec![0; data.len() + 8];
    let wrapped = with_aes!(&ctx, key, Aes => {
        let cipher = aes_kw::AesKw::<Aes>::new_from_slice(&key).expect("the length was checked");
        cipher.wrap_key(&data, &mut output).is_ok()
    });
    buffer_or_undefined(&ctx, wrapped.then_some(output))
}

/// `aesKwUnwrap(key, data)`: undefined when the integrity check fails.
pub(super) fn kw_unwrap<'js>(
    ctx: Ctx<'js>,
    key: Input<'js>,
    data: Input<'js>,
) -> Result<Option<ArrayBuffer<'js>>> {
    if data.len() < 24 {
        return Ok(None);
    }
    let mut output = vec![0; data.len() - 8];
    let unwrapped = with_aes!(&ctx, key, Aes => {
        let cipher = aes_kw::AesKw::<Aes>::new_from_slice(&key).expect("the length was checked");
        cipher.unwrap_key(&data, &mut output).is_ok()
    });
    buffer_or_undefined(&ctx, unwrapped.then_some(output))
}

/// One block through the bare cipher.
pub(super) fn encrypt_block(
    cipher: &impl BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16>,
    block: [u8; 16],
) -> [u8; 16] {
    let mut block = Array::from(block);
    cipher.encrypt_block(&mut block);
    block.into()
}
