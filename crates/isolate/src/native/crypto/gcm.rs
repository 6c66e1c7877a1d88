//! Galois/Counter Mode over any AES, NIST SP 800-38D.
//!
//! WebCrypto and Node allow initialization vectors of any length and data in pieces, which the `aes-gcm` crate does not.

use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherEncrypt, BlockSizeUser, InnerIvInit, StreamCipher};
use ctr::{Ctr32BE, CtrCore};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use subtle::ConstantTimeEq;

use super::aes::encrypt_block;

const BLOCK_BYTES: usize = 16;

/// One message being encrypted or decrypted.
pub(super) struct Gcm<C: BlockCipherEncrypt<BlockSize = U16> + BlockSizeUser + Clone> {
    keystream: Ctr32BE<C>,
    authenticator: GHash,
    /// Ciphertext that does not fill a block yet.
    pending: Vec<u8>,
    /// The keystream block that hides the tag.
    tag_mask: [u8; BLOCK_BYTES],
    additional_bytes: u64,
    sealed_bytes: u64,
}

impl<C: BlockCipherEncrypt<BlockSize = U16> + BlockSizeUser + Clone> Gcm<C> {
    pub(super) fn new(cipher: C, iv: &[u8], additional: &[u8]) -> Self {
        let hash_key = encrypt_block(&cipher, [0; BLOCK_BYTES]);
        let mut authenticator = GHash::new(&hash_key.into());
        let first = first_counter(&authenticator, iv);
        let tag_mask = encrypt_block(&cipher, first);
        let mut counter = first;
        let low = u32::from_be_bytes([first[12], first[13], first[14], first[15]]).wrapping_add(1);
        counter[12..].copy_from_slice(&low.to_be_bytes());
        authenticator.update_padded(additional);
        Self {
            keystream: Ctr32BE::from_core(CtrCore::inner_iv_init(cipher, &counter.into())),
            authenticator,
            pending: Vec::with_capacity(BLOCK_BYTES),
            tag_mask,
            additional_bytes: additional.len() as u64,
            sealed_bytes: 0,
        }
    }

    pub(super) fn encrypt(&mut self, data: &mut [u8]) {
        self.keystream.apply_keystream(data);
        self.authenticate(data);
    }

    /// Nothing decrypted may be used before [`Gcm::verify`] said that it is genuine.
    pub(super) fn decrypt(&mut self, data: &mut [u8]) {
        self.authenticate(data);
        self.keystream.apply_keystream(data);
    }

    fn authenticate(&mut self, sealed: &[u8]) {
        self.sealed_bytes += sealed.len() as u64;
        let mut rest = sealed;
        if !self.pending.is_empty() {
            let taken = rest.len().min(BLOCK_BYTES - self.pending.len());
            self.pending.extend_from_slice(&rest[..taken]);
            rest = &rest[taken..];
            if self.pending.len() < BLOCK_BYTES {
                return;
            }
            self.authenticator.update_padded(&self.pending);
            self.pending.clear();
        }
        let whole = rest.len() - rest.len() % BLOCK_BYTES;
        self.authenticator.update_padded(&rest[..whole]);
        self.pending.extend_from_slice(&rest[whole..]);
    }

    /// The message's whole tag.
    pub(super) fn tag(mut self) -> [u8; BLOCK_BYTES] {
        self.authenticator.update_padded(&self.pending);
        let mut lengths = [0; BLOCK_BYTES];
        lengths[..8].copy_from_slice(&(self.additional_bytes * 8).to_be_bytes());
        lengths[8..].copy_from_slice(&(self.sealed_bytes * 8).to_be_bytes());
        self.authenticator.update(&[lengths.into()]);
        let mut tag: [u8; BLOCK_BYTES] = self.authenticator.finalize().into();
        for (byte, mask) in tag.iter_mut().zip(self.tag_mask) {
            *byte ^= mask;
        }
        tag
    }

    /// Whether `tag`, which can be cut short, is the message's, in constant time.
    pub(super) fn verify(self, tag: &[u8]) -> bool {
        let expected = self.tag();
        expected
            .get(..tag.len())
            .is_some_and(|expected| expected.ct_eq(tag).into())
    }
}

/// The pre-counter block, section 7.1 step 2.
fn first_counter(authenticator: &GHash, iv: &[u8]) -> [u8; BLOCK_BYTES] {
    if iv.len() == 12 {
        let mut block = [0; BLOCK_BYTES];
        block[..12].copy_from_slice(iv);
        block[15] = 1;
        return block;
    }
    let mut hash = authenticator.clone();
    hash.update_padded(iv);
    let mut lengths = [0; BLOCK_BYTES];
    lengths[8..].copy_from_slice(&(iv.len() as u64 * 8).to_be_bytes());
    hash.update(&[lengths.into()]);
    hash.finalize().into()
}
