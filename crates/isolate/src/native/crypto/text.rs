//! Text as bytes and bytes as text.

use base64ct::{Base64UrlUnpadded, Encoding};
use rquickjs::{ArrayBuffer, Ctx, Result};

use super::output::{buffer, buffer_or_undefined};
use crate::native::bytes::Input;

/// `base64UrlEncode(bytes)`: without padding, as JSON Web Keys have it, in constant time for the key's sake.
pub(super) fn base64_url_encode(bytes: Input<'_>) -> String {
    Base64UrlUnpadded::encode_string(&bytes)
}

/// `base64UrlDecode(text)`: undefined when it is none.
pub(super) fn base64_url_decode<'js>(
    ctx: Ctx<'js>,
    text: String,
) -> Result<Option<ArrayBuffer<'js>>> {
    buffer_or_undefined(&ctx, Base64UrlUnpadded::decode_vec(&text).ok())
}

/// `utf8Encode(text)`.
pub(super) fn utf8_encode<'js>(ctx: Ctx<'js>, text: String) -> Result<ArrayBuffer<'js>> {
    buffer(&ctx, text)
}

/// `utf8Decode(bytes)`: what is not UTF-8 becomes U+FFFD.
pub(super) fn utf8_decode(bytes: Input<'_>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}
