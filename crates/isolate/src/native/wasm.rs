//! `atoll:native/wasm`: WebAssembly, run by an interpreter.
//!
//! It makes no executable code, so a jailed process runs it as it is; what it runs counts for the isolate's limits on
//! memory and processor time.

mod binary;
mod function;
mod instance;
mod limits;
mod memory;
mod module;
mod references;
mod region;
mod store;
mod table;
mod values;

use rquickjs::{Ctx, Function, Object, Result};

pub(crate) use limits::{Watch, watch};
pub(crate) use module::{allow_compilation, import};

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    macro_rules! export {
        ($($name:literal: $function:expr),* $(,)?) => {
            $(exports.set($name, Function::new(ctx.clone(), $function)?)?;)*
        };
    }
    exports.set("modulePrototype", module::prototype(ctx)?)?;
    export! {
        "isModule": module::is_module,
        "mayCompile": module::may_compile,
        "compile": module::compile_for,
        "validate": module::validate,
        "describe": module::describe,
        "customSections": module::custom_sections,
        "newStore": store::new_store,
        "importFunction": function::import_function,
        "instantiate": instance::instantiate,
        "newMemory": memory::new_memory,
        "memoryBuffer": memory::memory_buffer,
        "memoryGrow": memory::memory_grow,
        "memoryIs64": memory::memory_is_64,
        "adoptMemory": memory::adopt_memory,
        "newTable": table::new_table,
        "tableLength": table::table_length,
        "tableType": table::table_type,
        "tableGet": table::table_get,
        "tableSet": table::table_set,
        "tableGrow": table::table_grow,
        "newGlobal": table::new_global,
        "globalType": table::global_type,
        "globalGet": table::global_get,
        "globalSet": table::global_set,
    }
    Ok(exports)
}
