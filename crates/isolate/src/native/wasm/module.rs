//! Modules: compiled once, instantiated as often as one likes.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use rquickjs::class::{JsClass, Readable, Trace, Tracer};
use rquickjs::function::Constructor;
use rquickjs::{Array, ArrayBuffer, Class, Ctx, Exception, JsLifetime, Object, Result, Value};
use wasmi::{Config, Engine, Module};

use super::binary::{self, Contents, Kind};
use super::limits::{Claim, FUEL, FUEL_PER_BYTE, allocated, make_room};
use super::store::throw;
use crate::native::bytes::Input;
use crate::state;

/// Calls of functions by functions, at most.
const MAX_DEPTH: usize = 20_000;
/// Bytes of their variables, at most.
const MAX_STACK_BYTES: usize = 1024 * 1024;

/// A module that can be instantiated.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) module: Module,
    pub(crate) contents: Contents,
    _claim: Claim,
}

impl Compiled {
    /// Fuel that is enough to compile its longest function on its first call.
    pub(crate) fn fuel(&self) -> u64 {
        FUEL.max(self.contents.longest_body as u64 * FUEL_PER_BYTE)
    }
}

thread_local! {
    static ENGINE: OnceCell<Engine> = const { OnceCell::new() };
    static MAY_COMPILE: Cell<bool> = const { Cell::new(false) };
}

/// Lets code that runs compile modules, which Workers refuse.
pub(crate) fn allow_compilation() {
    MAY_COMPILE.set(true);
}

/// `mayCompile()`
pub(crate) fn may_compile() -> bool {
    MAY_COMPILE.get()
}

/// The interpreter. It compiles a function when it is first called, so that a module costs what is used of it.
pub(crate) fn engine() -> Engine {
    ENGINE.with(|engine| {
        engine
            .get_or_init(|| {
                let mut config = Config::default();
                config
                    .consume_fuel(true)
                    .ignore_custom_sections(true)
                    .set_max_recursion_depth(MAX_DEPTH)
                    .set_max_stack_height(MAX_STACK_BYTES);
                Engine::new(&config)
            })
            .clone()
    })
}

/// A module as JavaScript holds it: an object whose prototype is that of `WebAssembly.Module`.
pub(crate) struct Code(pub(crate) Rc<Compiled>);

impl<'js> Trace<'js> for Code {
    fn trace<'a>(&self, _tracer: Tracer<'a, 'js>) {}
}

#[expect(unsafe_code, reason = "the engine's lifetime marker")]
// SAFETY: it holds nothing with the engine's lifetime.
unsafe impl<'js> JsLifetime<'js> for Code {
    type Changed<'to> = Self;
}

impl<'js> JsClass<'js> for Code {
    const NAME: &'static str = "Module";
    type Mutable = Readable;

    fn constructor(_ctx: &Ctx<'js>) -> Result<Option<Constructor<'js>>> {
        Ok(None)
    }
}

pub(crate) type Given<'js> = Class<'js, Code>;

/// What modules inherit from.
pub(crate) fn prototype<'js>(ctx: &Ctx<'js>) -> Result<Option<Object<'js>>> {
    Given::prototype(ctx)
}

/// `isModule(value)`
pub(crate) fn is_module(value: Value<'_>) -> bool {
    value
        .as_object()
        .is_some_and(|object| object.instance_of::<Code>())
}

/// Compiles a module. The error is what is wrong with it.
pub(crate) fn compile(ctx: &Ctx<'_>, bytes: &[u8]) -> std::result::Result<Rc<Compiled>, String> {
    let before = allocated();
    let (contents, rewritten) = binary::read(bytes).map_err(|error| error.to_string())?;
    let module = Module::new(&engine(), rewritten).map_err(|error| error.to_string())?;
    let used = allocated().saturating_sub(before);
    make_room(ctx, &state::with(|state| Rc::clone(&state.heap)), used);
    let claim =
        Claim::new(used).ok_or_else(|| "Out of memory: Cannot allocate the module".to_owned())?;
    Ok(Rc::new(Compiled {
        module,
        contents,
        _claim: claim,
    }))
}

/// `compile(bytes, api)`: a module, or a `CompileError`.
pub(crate) fn compile_for<'js>(
    ctx: Ctx<'js>,
    bytes: Input<'js>,
    api: Object<'js>,
) -> Result<Given<'js>> {
    match compile(&ctx, &bytes) {
        Ok(compiled) => Class::instance(ctx, Code(compiled)),
        Err(message) => Err(throw(&ctx, &api, "CompileError", &message)),
    }
}

/// `validate(bytes)`
pub(crate) fn validate(bytes: Input<'_>) -> bool {
    // What is compiled is what this takes, so the one need not say more than the other.
    binary::read(&bytes).is_ok() && Module::validate(&engine(), &bytes).is_ok()
}

/// `describe(module)`: `[imports, exports]`, of `[module, name, kind, type | undefined, mutable | undefined]` and
/// `[name, kind]`.
pub(crate) fn describe<'js>(ctx: Ctx<'js>, module: Given<'js>) -> Result<Array<'js>> {
    let guard = module.borrow();
    let contents = &guard.0.contents;
    let (imports, exports) = (Array::new(ctx.clone())?, Array::new(ctx.clone())?);
    for (index, import) in contents.imports.iter().enumerate() {
        let entry = Array::new(ctx.clone())?;
        entry.set(0, import.module.as_str())?;
        entry.set(1, import.name.as_str())?;
        entry.set(2, import.kind.name())?;
        if let Kind::Global { value, mutable } = import.kind {
            entry.set(3, value)?;
            entry.set(4, mutable)?;
        }
        imports.set(index, entry)?;
    }
    for (index, export) in contents.exports.iter().enumerate() {
        let entry = Array::new(ctx.clone())?;
        entry.set(0, export.name.as_str())?;
        entry.set(1, export.kind.name())?;
        exports.set(index, entry)?;
    }
    let both = Array::new(ctx)?;
    both.set(0, imports)?;
    both.set(1, exports)?;
    Ok(both)
}

/// `customSections(module, name)`: copies of their contents.
pub(crate) fn custom_sections<'js>(
    ctx: Ctx<'js>,
    module: Given<'js>,
    name: String,
) -> Result<Vec<ArrayBuffer<'js>>> {
    let guard = module.borrow();
    let sections = guard.0.contents.custom.iter();
    sections
        .filter(|(known, _)| *known == name)
        .map(|(_, content)| ArrayBuffer::new_copy(ctx.clone(), content))
        .collect()
}

/// The value of the module `name`, for the loader of modules.
pub(crate) fn import<'js>(ctx: &Ctx<'js>, name: &str, bytes: &[u8]) -> Result<Given<'js>> {
    match compile(ctx, bytes) {
        Ok(compiled) => Class::instance(ctx.clone(), Code(compiled)),
        Err(message) => Err(Exception::throw_message(
            ctx,
            &format!("CompileError: WebAssembly.Module(): {message}, in {name}"),
        )),
    }
}
