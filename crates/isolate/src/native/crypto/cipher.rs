//! AES over data in pieces, as Node's `createCipheriv` has it.

use aes::cipher::block_padding::{NoPadding, Pkcs7};
use aes::cipher::consts::U16;
use aes::cipher::{
    Block, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt,
    BlockSizeUser, KeyInit, KeyIvInit, StreamCipher,
};
use aes::{Aes128, Aes192, Aes256};
use ctr::Ctr128BE;
use rquickjs::{ArrayBuffer, Class, Ctx, Exception, Object, Result};

use super::aes::with_aes;
use super::gcm::Gcm;
use super::output::buffer;
use crate::native::bytes::Input;
use crate::native::handle::Handle;

const BLOCK_BYTES: usize = 16;

/// A message being encrypted or decrypted; `None` once it ended.
pub(super) struct Ciphering(Option<Box<dyn Pieces>>);

/// What every mode does.
trait Pieces {
    /// Data that is authenticated with the message but not part of it. Only of GCM, before the first `update`.
    fn additional_data(&mut self, _data: &[u8]) -> bool {
        false
    }
    fn update(&mut self, data: &[u8]) -> Vec<u8>;
    /// The rest of the output and, when GCM encrypts, the tag.
    fn finish(self: Box<Self>, end: &End<'_>) -> Option<(Vec<u8>, Option<[u8; BLOCK_BYTES]>)>;
}

/// What Node settles only by the end.
struct End<'a> {
    padding: bool,
    /// The tag that decrypting GCM must find.
    tag: &'a [u8],
}

/// CBC and ECB. Decrypting keeps the last block back, for it can be padding.
struct Blocks<M> {
    mode: M,
    pending: Vec<u8>,
}

impl<M> Blocks<M> {
    fn new(mode: M) -> Self {
        Self {
            mode,
            pending: Vec::new(),
        }
    }

    /// Adds `data` and takes out the whole blocks, but at least `keep` bytes stay.
    fn whole(&mut self, data: &[u8], keep: usize) -> Vec<u8> {
        self.pending.extend_from_slice(data);
        let whole = self.pending.len().saturating_sub(keep) / BLOCK_BYTES * BLOCK_BYTES;
        let rest = self.pending.split_off(whole);
        std::mem::replace(&mut self.pending, rest)
    }
}

fn blocks_of<M: BlockSizeUser<BlockSize = U16>>(data: &mut [u8]) -> &mut [Block<M>] {
    Block::<M>::slice_as_chunks_mut(data).0
}

struct Encrypt<M>(Blocks<M>);

impl<M: BlockModeEncrypt<BlockSize = U16>> Pieces for Encrypt<M> {
    fn update(&mut self, data: &[u8]) -> Vec<u8> {
        let mut output = self.0.whole(data, 0);
        self.0.mode.encrypt_blocks(blocks_of::<M>(&mut output));
        output
    }

    fn finish(self: Box<Self>, end: &End<'_>) -> Option<(Vec<u8>, Option<[u8; BLOCK_BYTES]>)> {
        let Blocks { mode, pending } = self.0;
        if end.padding {
            return Some((mode.encrypt_padded_vec::<Pkcs7>(&pending), None));
        }
        pending.is_empty().then(|| (Vec::new(), None))
    }
}

struct Decrypt<M>(Blocks<M>);

impl<M: BlockModeDecrypt<BlockSize = U16>> Pieces for Decrypt<M> {
    fn update(&mut self, data: &[u8]) -> Vec<u8> {
        let mut output = self.0.whole(data, 1);
        self.0.mode.decrypt_blocks(blocks_of::<M>(&mut output));
        output
    }

    fn finish(self: Box<Self>, end: &End<'_>) -> Option<(Vec<u8>, Option<[u8; BLOCK_BYTES]>)> {
        let Blocks { mode, pending } = self.0;
        let rest = if end.padding {
            mode.decrypt_padded_vec::<Pkcs7>(&pending)
        } else {
            mode.decrypt_padded_vec::<NoPadding>(&pending)
        };
        rest.ok().map(|rest| (rest, None))
    }
}

struct Stream<S>(S);

impl<S: StreamCipher> Pieces for Stream<S> {
    fn update(&mut self, data: &[u8]) -> Vec<u8> {
        let mut output = data.to_vec();
        self.0.apply_keystream(&mut output);
        output
    }

    fn finish(self: Box<Self>, _end: &End<'_>) -> Option<(Vec<u8>, Option<[u8; BLOCK_BYTES]>)> {
        Some((Vec::new(), None))
    }
}

struct Authenticated<C: BlockCipherEncrypt<BlockSize = U16> + Clone> {
    cipher: C,
    iv: Vec<u8>,
    additional: Vec<u8>,
    encrypts: bool,
    /// Started by the first `update`, when the additional data is complete.
    gcm: Option<Gcm<C>>,
}

impl<C: BlockCipherEncrypt<BlockSize = U16> + Clone> Authenticated<C> {
    fn gcm(&mut self) -> &mut Gcm<C> {
        self.gcm
            .get_or_insert_with(|| Gcm::new(self.cipher.clone(), &self.iv, &self.additional))
    }
}

impl<C: BlockCipherEncrypt<BlockSize = U16> + Clone> Pieces for Authenticated<C> {
    fn additional_data(&mut self, data: &[u8]) -> bool {
        if self.gcm.is_some() {
            return false;
        }
        self.additional.extend_from_slice(data);
        true
    }

    fn update(&mut self, data: &[u8]) -> Vec<u8> {
        let mut output = data.to_vec();
        let encrypts = self.encrypts;
        let gcm = self.gcm();
        if encrypts {
            gcm.encrypt(&mut output);
        } else {
            gcm.decrypt(&mut output);
        }
        output
    }

    fn finish(mut self: Box<Self>, end: &End<'_>) -> Option<(Vec<u8>, Option<[u8; BLOCK_BYTES]>)> {
        self.gcm();
        let gcm = self.gcm?;
        if self.encrypts {
            return Some((Vec::new(), Some(gcm.tag())));
        }
        (!end.tag.is_empty() && gcm.verify(end.tag)).then(|| (Vec::new(), None))
    }
}

/// `cipherStart(mode, encrypts, key, iv)`: undefined when the initialization vector has the wrong length.
pub(super) fn start<'js>(
    ctx: Ctx<'js>,
    mode: String,
    encrypts: bool,
    key: Input<'js>,
    iv: Input<'js>,
) -> Result<Option<Class<'js, Handle<Ciphering>>>> {
    let fits = match mode.as_str() {
        "ecb" => iv.is_empty(),
        "gcm" => !iv.is_empty(),
        _ => iv.len() == BLOCK_BYTES,
    };
    if !fits {
        return Ok(None);
    }
    let pieces = with_aes!(&ctx, key, Aes => pieces::<Aes>(&mode, encrypts, &key, &iv));
    let pieces =
        pieces.ok_or_else(|| Exception::throw_type(&ctx, &format!("no such mode: {mode}")))?;
    Handle::give(&ctx, Ciphering(Some(pieces))).map(Some)
}

fn pieces<C>(mode: &str, encrypts: bool, key: &[u8], iv: &[u8]) -> Option<Box<dyn Pieces>>
where
    C: BlockCipherEncrypt<BlockSize = U16> + BlockCipherDecrypt + KeyInit + Clone + 'static,
{
    let cipher = C::new_from_slice(key).ok()?;
    Some(match (mode, encrypts) {
        ("cbc", true) => Box::new(Encrypt(Blocks::new(
            cbc::Encryptor::<C>::new_from_slices(key, iv).ok()?,
        ))),
        ("cbc", false) => Box::new(Decrypt(Blocks::new(
            cbc::Decryptor::<C>::new_from_slices(key, iv).ok()?,
        ))),
        ("ecb", true) => Box::new(Encrypt(Blocks::new(
            ecb::Encryptor::<C>::new_from_slice(key).ok()?,
        ))),
        ("ecb", false) => Box::new(Decrypt(Blocks::new(
            ecb::Decryptor::<C>::new_from_slice(key).ok()?,
        ))),
        ("ctr", _) => Box::new(Stream(Ctr128BE::<C>::new_from_slices(key, iv).ok()?)),
        ("gcm", _) => Box::new(Authenticated {
            cipher,
            iv: iv.to_vec(),
            additional: Vec::new(),
            encrypts,
            gcm: None,
        }),
        _ => return None,
    })
}

/// `cipherAdditionalData(state, data)`: whether it came in time.
pub(super) fn additional_data<'js>(
    state: Class<'js, Handle<Ciphering>>,
    data: Input<'js>,
) -> Result<bool> {
    Ok(state
        .try_borrow_mut()?
        .0
        .0
        .as_mut()
        .is_some_and(|pieces| pieces.additional_data(&data)))
}

/// `cipherUpdate(state, data)`: undefined when the message ended before.
pub(super) fn update<'js>(
    ctx: Ctx<'js>,
    state: Class<'js, Handle<Ciphering>>,
    data: Input<'js>,
) -> Result<Option<ArrayBuffer<'js>>> {
    let output = state
        .try_borrow_mut()?
        .0
        .0
        .as_mut()
        .map(|pieces| pieces.update(&data));
    output.map(|output| buffer(&ctx, output)).transpose()
}

/// `cipherFinish(state, padding, tag)`: `{ rest, tag }`, or undefined when padding or tag are wrong.
pub(super) fn finish<'js>(
    ctx: Ctx<'js>,
    state: Class<'js, Handle<Ciphering>>,
    padding: bool,
    tag: Input<'js>,
) -> Result<Option<Object<'js>>> {
    let pieces = state.try_borrow_mut()?.0.0.take();
    let Some((rest, tag)) = pieces.and_then(|pieces| pieces.finish(&End { padding, tag: &tag }))
    else {
        return Ok(None);
    };
    let result = Object::new(ctx.clone())?;
    result.set("rest", buffer(&ctx, rest)?)?;
    result.set("tag", tag.map(|tag| buffer(&ctx, tag)).transpose()?)?;
    Ok(Some(result))
}
