//! `atoll:native/utf8`: text to bytes and back, as bodies do it.

use rquickjs::{Ctx, Function, Object, Result, TypedArray};

use super::bytes::with_bytes;

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    exports.set("encode", Function::new(ctx.clone(), encode)?)?;
    exports.set("decode", Function::new(ctx.clone(), decode)?)?;
    Ok(exports)
}

/// The text must be well-formed.
fn encode(ctx: Ctx<'_>, text: String) -> Result<TypedArray<'_, u8>> {
    TypedArray::new(ctx, text.into_bytes())
}

/// A byte order mark is dropped and what is not UTF-8 replaced.
fn decode(bytes: TypedArray<'_, u8>) -> String {
    with_bytes(&bytes, |bytes| {
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        String::from_utf8_lossy(text).into_owned()
    })
}
