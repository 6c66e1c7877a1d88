//! `atoll:native/async_context`.

use rquickjs::{Ctx, Object, Result};

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    crate::async_context::install(ctx, &exports)?;
    Ok(exports)
}
