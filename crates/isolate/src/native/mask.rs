//! `atoll:native/mask`: masks of pictures, from Workers AI's meaning to OpenAI's.

use pictures::Picture;
use rquickjs::{Ctx, Exception, Function, Object, Result, TypedArray};

use super::bytes::Input;

/// The grey from which on a point counts as white.
const WHITE: u32 = 128;

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    exports.set("openWhite", Function::new(ctx.clone(), open_white)?)?;
    Ok(exports)
}

/// `openWhite(png)`: a PNG that is transparent where this one is white, and black elsewhere; undefined when this one has
/// transparent points itself.
fn open_white<'js>(ctx: Ctx<'js>, png: Input<'js>) -> Result<Option<TypedArray<'js, u8>>> {
    let mut picture =
        Picture::read(&png).map_err(|error| Exception::throw_type(&ctx, &error.to_string()))?;
    if !picture.is_opaque() {
        return Ok(None);
    }
    for point in &mut picture.points {
        let [red, green, blue, _] = point.map(u32::from);
        // How bright the three are to the eye.
        let grey = (red * 299 + green * 587 + blue * 114) / 1000;
        *point = [0, 0, 0, if grey < WHITE { u8::MAX } else { 0 }];
    }
    TypedArray::new(ctx, picture.write(None)).map(Some)
}
