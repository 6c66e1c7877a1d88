//! `atoll:native/bundle`: the modules of the program, which `node:fs` shows.

use rquickjs::{Ctx, Function, Object, Result, TypedArray};

use crate::state;

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    exports.set("list", Function::new(ctx.clone(), list)?)?;
    exports.set("read", Function::new(ctx.clone(), read)?)?;
    Ok(exports)
}

/// `list()`: their names. What was compiled has no bytes any more, and is not among them.
fn list() -> Vec<String> {
    state::with(|state| {
        let program = state.program.borrow();
        let modules = program.iter();
        modules
            .filter(|(_, (_, content))| !content.is_empty())
            .map(|(name, _)| name.clone())
            .collect()
    })
}

/// `read(name)`: a copy of its content.
fn read<'js>(ctx: Ctx<'js>, name: String) -> Result<TypedArray<'js, u8>> {
    let program = state::with(|state| state.program.clone());
    let content = program
        .borrow()
        .get(&name)
        .map(|(_, content)| content.clone());
    TypedArray::new_copy(ctx, content.unwrap_or_default().as_slice())
}
