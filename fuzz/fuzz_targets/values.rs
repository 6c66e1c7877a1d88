//! Bytes that are no value give an error, and values that are made of bytes come back as they were.
//!
//! The first byte says which of the two. The codec is a part of the crate `isolate`, and is compiled here by itself, with
//! the JavaScript that goes with it: the rest of that crate takes minutes to build.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::{Declarations, Declared, Exports, ModuleDef};
use rquickjs::{
    Array, Context, Ctx, Error, Function, Module, Persistent, Result, Runtime, TypedArray, Value,
};

#[allow(dead_code, reason = "natives use the rest")]
#[path = "../../crates/isolate/src/native/bytes.rs"]
mod bytes;
#[allow(dead_code, unused_imports, reason = "natives use the rest")]
#[path = "../../crates/isolate/src/clone/mod.rs"]
mod clone;

/// Bytes that the engine may use; values that ask for more are refused like those that make no sense.
const MEMORY_BYTES: usize = 512 << 20;
/// Inputs after which what refers to itself in circles is looked for.
const INPUTS_UNTIL_COLLECTED: u32 = 100;

/// What of the Workers API the codec uses.
const GLOBALS: &str = r#"
globalThis.DOMException = class DOMException extends Error {
  constructor(message, name) { super(message); Object.defineProperty(this, "name", { value: name }); }
};
"#;
const MODULES: [(&str, &str); 3] = [
    (
        "./structured_clone.js",
        include_str!("../../crates/isolate/js/structured_clone.js"),
    ),
    (
        "./webidl.js",
        include_str!("../../crates/isolate/js/webidl.js"),
    ),
    (
        "harness",
        include_str!("../../crates/isolate/src/clone/tests.js"),
    ),
];
const NATIVE: &str = "atoll:native/clone";

struct Names;

impl Resolver for Names {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        match name == NATIVE || MODULES.iter().any(|(other, _)| *other == name) {
            true => Ok(name.to_owned()),
            false => Err(Error::new_resolving(base, name)),
        }
    }
}

struct Contents;

impl Loader for Contents {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        if name == NATIVE {
            return Module::declare_def::<Native, _>(ctx.clone(), name);
        }
        let found = MODULES.iter().find(|(other, _)| *other == name);
        let (_, source) = found.ok_or_else(|| Error::new_loading(name))?;
        Module::declare(ctx.clone(), name, *source)
    }
}

struct Native;

impl ModuleDef for Native {
    fn declare(declarations: &Declarations<'_>) -> Result<()> {
        for name in ["learnClasses", "clone", "serialize", "deserialize"] {
            declarations.declare(name)?;
        }
        Ok(())
    }

    fn evaluate<'js>(ctx: &Ctx<'js>, exports: &Exports<'js>) -> Result<()> {
        exports.export(
            "learnClasses",
            Function::new(ctx.clone(), clone::learn_classes)?,
        )?;
        // The harness has no use for it.
        exports.export("clone", Value::new_undefined(ctx.clone()))?;
        exports.export("serialize", Function::new(ctx.clone(), serialize)?)?;
        exports.export("deserialize", Function::new(ctx.clone(), deserialize)?)?;
        Ok(())
    }
}

fn serialize<'js>(
    ctx: Ctx<'js>,
    codec: Array<'js>,
    value: Value<'js>,
    transfer: Option<Array<'js>>,
    session: Value<'js>,
) -> Result<TypedArray<'js, u8>> {
    let bytes = clone::encode(&ctx, &codec, &value, transfer.as_ref(), &session)?;
    TypedArray::new_copy(ctx, bytes)
}

fn deserialize<'js>(
    ctx: Ctx<'js>,
    codec: Array<'js>,
    bytes: TypedArray<'js, u8>,
    transferred: Option<Array<'js>>,
    session: Value<'js>,
) -> Result<Value<'js>> {
    let copy = bytes::with_bytes(&bytes, <[u8]>::to_vec);
    clone::decode(&ctx, &codec, &copy, transferred.as_ref(), &session)
}

/// An engine that has the harness loaded.
struct Engine {
    round_trip: Persistent<Function<'static>>,
    tolerate: Persistent<Function<'static>>,
    context: Context,
    runtime: Runtime,
    inputs: u32,
}

impl Engine {
    fn new() -> Self {
        let runtime = Runtime::new().expect("an engine");
        runtime.set_memory_limit(MEMORY_BYTES);
        runtime.set_loader(Names, Contents);
        let context = Context::full(&runtime).expect("a context");
        let (round_trip, tolerate) = context.with(|ctx| {
            let loaded = ctx
                .eval::<(), _>(GLOBALS)
                .and_then(|()| Module::import(&ctx, "harness")?.finish::<Value<'_>>());
            if loaded.is_err() {
                panic!("{:?}", ctx.catch());
            }
            let function = |name| {
                let function: Function<'_> = ctx.globals().get(name).expect("the harness sets it");
                Persistent::save(&ctx, function)
            };
            (function("roundTrip"), function("tolerate"))
        });
        Self {
            round_trip,
            tolerate,
            context,
            runtime,
            inputs: 0,
        }
    }

    fn look(&mut self, kind: u8, bytes: &[u8]) {
        self.context.with(|ctx| {
            let tolerate = self
                .tolerate
                .clone()
                .restore(&ctx)
                .expect("it is of this engine");
            let round_trip = self
                .round_trip
                .clone()
                .restore(&ctx)
                .expect("it is of this engine");
            let given = TypedArray::<u8>::new_copy(ctx.clone(), bytes).expect("there is room");
            let done = match kind % 2 {
                0 => tolerate.call::<_, String>((given,)).map(drop),
                _ => round_trip.call::<_, Value<'_>>((given,)).map(drop),
            };
            if done.is_err() {
                panic!("{:?}", ctx.catch());
            }
        });
        self.inputs += 1;
        if self.inputs.is_multiple_of(INPUTS_UNTIL_COLLECTED) {
            self.runtime.run_gc();
        }
    }
}

thread_local! {
    static ENGINE: std::cell::RefCell<Engine> = std::cell::RefCell::new(Engine::new());
}

fuzz_target!(|bytes: &[u8]| {
    if let Some((kind, bytes)) = bytes.split_first() {
        ENGINE.with_borrow_mut(|engine| engine.look(*kind, bytes));
    }
});
