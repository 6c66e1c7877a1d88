//! `atoll:native/moulds`: objects that are made for each request, without the constructors of their classes, and the answer
//! that most handlers give. What such an object holds costs less to write than one call of JavaScript.
//!
//! A class hands over an example of its objects. Their prototype, and the names of their properties, private ones included,
//! are what another one is made of. Only the runtime's own modules can do so, and no name of a private property leaves this
//! file.
#![expect(
    unsafe_code,
    reason = "these objects are on the path of every request, so they are made with the engine's C API"
)]

mod answers;
mod calls;
mod incoming;

use std::cell::Cell;
use std::ffi::{CStr, c_int};
use std::ptr;

use rquickjs::{Ctx, Error, Exception, Function, Object, Result, qjs};

use crate::clone::{Engine, Owned};
use crate::native::function::{self, Arguments, entry};

pub(crate) use incoming::incoming;

/// Properties that an object of these has, at most.
const MOST: usize = 4;

/// What objects are made for, in the order of [`NAMES`].
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// An event, and what its code runs in.
    Event,
    Context,
    /// `ctx`.
    Execution,
    Request,
    RequestParts,
    Response,
    ResponseParts,
    /// The parameters of a URL.
    Params,
    /// A stub of a Durable Object.
    Stub,
    /// What is behind the proxies of a method, and of what it gave.
    PropertyHandler,
    PromiseHandler,
}

const NAMES: [&str; 11] = [
    "event",
    "context",
    "execution",
    "request",
    "requestParts",
    "response",
    "responseParts",
    "params",
    "stub",
    "propertyHandler",
    "promiseHandler",
];

/// How objects of one kind are made. The example, which keeps the rest alive, is owned.
#[derive(Clone, Copy)]
struct Mould {
    example: qjs::JSValue,
    prototype: qjs::JSValue,
    names: [qjs::JSAtom; MOST],
    flags: [c_int; MOST],
    count: usize,
}

/// Properties that are asked for or given by their names.
#[derive(Clone, Copy)]
struct Named {
    cf: qjs::JSAtom,
    status_text: qjs::JSAtom,
    web_socket: qjs::JSAtom,
    settle: qjs::JSAtom,
    fail: qjs::JSAtom,
}

thread_local! {
    static MOULDS: [Cell<Option<Mould>>; NAMES.len()] = const { [const { Cell::new(None) }; NAMES.len()] };
    static NAMED: Cell<Named> = const { Cell::new(Named { cf: 0, status_text: 0, web_socket: 0, settle: 0, fail: 0 }) };
}

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    // What an engine before this one had went with it.
    MOULDS.with(|moulds| moulds.iter().for_each(|mould| mould.set(None)));
    // SAFETY: the texts are copied.
    let atom = |name: &CStr| unsafe { qjs::JS_NewAtom(ctx.as_raw().as_ptr(), name.as_ptr()) };
    NAMED.set(Named {
        cf: atom(c"cf"),
        status_text: atom(c"statusText"),
        web_socket: atom(c"webSocket"),
        settle: atom(c"settle"),
        fail: atom(c"fail"),
    });
    let exports = Object::new(ctx.clone())?;
    exports.set("mould", Function::new(ctx.clone(), mould)?)?;
    function::export(ctx, &exports, entry!(linked_params), c"linkedParams", 2)?;
    function::export(ctx, &exports, entry!(object_stub), c"objectStub", 3)?;
    answers::export(ctx, &exports)?;
    calls::export(ctx, &exports)?;
    Ok(exports)
}

/// `mould(kind, example)`: objects of this kind are like `example`, which nothing changes from here on.
fn mould<'js>(ctx: Ctx<'js>, kind: String, example: Object<'js>) -> Result<()> {
    let place = NAMES.iter().position(|name| *name == kind);
    let place = place.ok_or_else(|| Exception::throw_type(&ctx, "no such kind"))?;
    let raw = ctx.as_raw().as_ptr();
    let (mut names, mut flags, mut count) = ([0; MOST], [0; MOST], 0);
    // A class gives its objects what is private before anything else.
    for which in [qjs::JS_GPN_PRIVATE_MASK, qjs::JS_GPN_STRING_MASK] {
        let (mut table, mut length) = (ptr::null_mut(), 0);
        // SAFETY: the object is alive. The table has as many entries as is said, whose names are owned here before it is
        // released.
        unsafe {
            let object = example.as_raw();
            let listed = qjs::JS_GetOwnPropertyNames(
                raw,
                &raw mut table,
                &raw mut length,
                object,
                which as c_int,
            );
            if listed < 0 {
                return Err(Error::Exception);
            }
            for index in 0..length as usize {
                if count < MOST {
                    names[count] = qjs::JS_DupAtom(raw, (*table.add(index)).atom);
                    flags[count] = flags_of(raw, object, names[count]);
                }
                count += 1;
            }
            qjs::JS_FreePropertyEnum(raw, table, length);
        }
    }
    if count > MOST {
        return Err(Exception::throw_type(&ctx, "too many properties"));
    }
    // SAFETY: the object is alive, and it keeps its prototype.
    let mould = unsafe {
        let prototype = qjs::JS_GetPrototype(raw, example.as_raw());
        qjs::JS_FreeValue(raw, prototype);
        Mould {
            example: qjs::JS_DupValue(raw, example.as_raw()),
            prototype,
            names,
            flags,
            count,
        }
    };
    MOULDS.with(|moulds| moulds[place].set(Some(mould)));
    Ok(())
}

/// Whether a property can be changed, deleted and listed.
///
/// # Safety
/// The object has to be alive.
unsafe fn flags_of(ctx: *mut qjs::JSContext, object: qjs::JSValue, name: qjs::JSAtom) -> c_int {
    let mut found = EMPTY;
    // SAFETY: as above. No accessor is called, and what is found is released.
    unsafe {
        if qjs::JS_GetOwnProperty(ctx, &raw mut found, object, name) == 1 {
            for value in [found.value, found.getter, found.setter] {
                qjs::JS_FreeValue(ctx, value);
            }
        }
    }
    found.flags & qjs::JS_PROP_C_W_E as c_int
}

const EMPTY: qjs::JSPropertyDescriptor = qjs::JSPropertyDescriptor {
    flags: 0,
    value: qjs::JS_UNDEFINED,
    getter: qjs::JS_UNDEFINED,
    setter: qjs::JS_UNDEFINED,
};

fn of(kind: Kind) -> Result<Mould> {
    let mould = MOULDS.with(|moulds| moulds[kind as usize].get());
    mould.ok_or(Error::Unknown)
}

/// `linkedParams(list, record)`: the parameters of a URL with this record.
fn linked_params(
    engine: &Engine,
    _this: qjs::JSValue,
    arguments: &Arguments<'_>,
) -> Result<qjs::JSValue> {
    let values = [0, 1].map(|index| engine.duplicate(arguments.at(index)));
    of(Kind::Params)?.make(engine, values).map(Owned::into_raw)
}

/// `objectStub(methods, name, id)`: a stub of a Durable Object.
fn object_stub(
    engine: &Engine,
    _this: qjs::JSValue,
    arguments: &Arguments<'_>,
) -> Result<qjs::JSValue> {
    let values = [0, 1, 2].map(|index| engine.duplicate(arguments.at(index)));
    of(Kind::Stub)?.make(engine, values).map(Owned::into_raw)
}

impl Mould {
    /// A new object with these properties.
    fn make<'a, const N: usize>(
        &self,
        engine: &'a Engine,
        values: [Owned<'a>; N],
    ) -> Result<Owned<'a>> {
        debug_assert_eq!(N, self.count, "each property gets a value");
        // SAFETY: the prototype is alive, and the values are given away one by one.
        unsafe {
            let object = engine.own(qjs::JS_NewObjectProto(engine.ctx, self.prototype))?;
            for ((name, flags), value) in self.names.into_iter().zip(self.flags).zip(values) {
                define(engine, object.raw(), name, value, flags)?;
            }
            Ok(object)
        }
    }

    /// A property that a value has itself, if it is a plain object. No code of the program runs, and what has the property
    /// at second hand has it not.
    fn own<'a>(
        &self,
        engine: &'a Engine,
        value: qjs::JSValue,
        name: qjs::JSAtom,
    ) -> Option<Owned<'a>> {
        let mut found = EMPTY;
        // SAFETY: both are alive. A plain object answers by itself; the properties asked for are no accessors.
        unsafe {
            if qjs::JS_GetClassID(value) != qjs::JS_GetClassID(self.example) {
                return None;
            }
            match qjs::JS_GetOwnProperty(engine.ctx, &raw mut found, value, name) {
                0 => None,
                1.. => engine.own(found.value).ok(),
                _ => {
                    engine.forget();
                    None
                }
            }
        }
    }
}

/// Gives an object a property, or that property another value.
///
/// # Safety
/// The object has to be alive, and a plain one.
unsafe fn put(
    engine: &Engine,
    object: qjs::JSValue,
    name: qjs::JSAtom,
    value: Owned<'_>,
) -> Result<()> {
    // SAFETY: as above.
    unsafe { define(engine, object, name, value, qjs::JS_PROP_C_W_E as c_int) }
}

/// The same for a property that is new, with what can be done with it.
///
/// # Safety
/// The object has to be alive, and a plain one.
unsafe fn define(
    engine: &Engine,
    object: qjs::JSValue,
    name: qjs::JSAtom,
    value: Owned<'_>,
    flags: c_int,
) -> Result<()> {
    // SAFETY: as above. The value is taken over whatever comes of it.
    match unsafe { qjs::JS_DefinePropertyValue(engine.ctx, object, name, value.into_raw(), flags) }
    {
        0.. => Ok(()),
        _ => Err(Error::Exception),
    }
}
