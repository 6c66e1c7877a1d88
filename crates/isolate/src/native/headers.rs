//! `atoll:native/headers`: the class `Headers`, but for what iterates over it.
#![expect(
    unsafe_code,
    reason = "headers are on the hot path of most requests, so their class is one of the engine's C API"
)]

mod inside;
mod list;
mod names;

use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::ptr;

use rquickjs::function::This;
use rquickjs::object::Property;
use rquickjs::{Ctx, Error, Function, Object, Result, Symbol, Value, qjs};

use crate::clone::{Engine, Names};
use crate::native::function::{Arguments, Native, entry};
use list::List;

const ILLEGAL: &str = "Illegal invocation: function called with incorrect `this` reference. \
    See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";

thread_local! {
    /// The engine's number of the class. Each engine of a thread gives it the same, since each makes its classes in one order.
    static CLASS: Cell<qjs::JSClassID> = const { Cell::new(0) };
}

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    names::forget();
    define_class(ctx)?;
    let prototype = Object::new(ctx.clone())?;
    let constructor = function(ctx, c"Headers", 0, Kind::Constructor, entry!(construct))?;
    let method = |name: &CStr, length, run| {
        let function = function(ctx, name, length, Kind::Plain, run)?;
        let property = Property::from(function).writable().configurable();
        prototype.prop(&*name.to_string_lossy(), property)
    };
    method(c"append", 2, entry!(append))?;
    method(c"delete", 1, entry!(remove))?;
    method(c"get", 1, entry!(get))?;
    method(c"getAll", 1, entry!(get_all))?;
    method(c"getSetCookie", 0, entry!(get_set_cookie))?;
    method(c"has", 1, entry!(has))?;
    method(c"set", 2, entry!(set))?;
    // SAFETY: all are alive. The class keeps a reference of its own to the prototype.
    unsafe {
        let raw = ctx.as_raw().as_ptr();
        qjs::JS_SetConstructor(raw, constructor.as_raw(), prototype.as_raw());
        let kept = qjs::JS_DupValue(raw, prototype.as_raw());
        qjs::JS_SetClassProto(raw, CLASS.get(), kept);
    }
    let exports = Object::new(ctx.clone())?;
    exports.set("Headers", constructor)?;
    inside::export(ctx, &exports)?;
    Ok(exports)
}

fn define_class(ctx: &Ctx<'_>) -> Result<()> {
    let definition = qjs::JSClassDef {
        class_name: c"Headers".as_ptr(),
        finalizer: Some(finalize),
        gc_mark: None,
        call: None,
        exotic: ptr::null_mut(),
    };
    let mut class = 0;
    // SAFETY: the runtime is alive, and it copies what the definition says.
    let status = unsafe {
        let runtime = qjs::JS_GetRuntime(ctx.as_raw().as_ptr());
        qjs::JS_NewClassID(runtime, &raw mut class);
        qjs::JS_NewClass(runtime, class, &raw const definition)
    };
    CLASS.set(class);
    match status {
        0 => Ok(()),
        _ => Err(Error::Unknown),
    }
}

unsafe extern "C" fn finalize(runtime: *mut qjs::JSRuntime, value: qjs::JSValue) {
    // SAFETY: an object of this class has such a list or none, and nobody else has it.
    unsafe {
        let list: *mut List = qjs::JS_GetOpaque(value, CLASS.get()).cast();
        if !list.is_null() {
            (*list).release(runtime);
            qjs::js_free_rt(runtime, list.cast());
        }
    }
}

enum Kind {
    Plain,
    Constructor,
}

fn function<'js>(
    ctx: &Ctx<'js>,
    name: &CStr,
    length: i32,
    kind: Kind,
    run: Native,
) -> Result<Value<'js>> {
    let kind = match kind {
        Kind::Plain => qjs::JSCFunctionEnum_JS_CFUNC_generic,
        Kind::Constructor => qjs::JSCFunctionEnum_JS_CFUNC_constructor,
    };
    // SAFETY: the context is alive, and the one reference that is made is taken over.
    unsafe {
        let raw = ctx.as_raw().as_ptr();
        let value = qjs::JS_NewCFunction2(raw, Some(run), name.as_ptr(), length, kind, 0);
        Engine::bare(raw)
            .own(value)
            .map(|value| Value::from_raw(ctx.clone(), value.into_raw()))
    }
}

fn throw_type(engine: &Engine, message: &str) -> Error {
    let message = CString::new(message).unwrap_or_default();
    // SAFETY: the format takes one text, which is alive.
    unsafe { qjs::JS_ThrowTypeError(engine.ctx, c"%s".as_ptr(), message.as_ptr()) };
    Error::Exception
}

/// A new array, which takes the values over.
fn new_array(engine: &Engine, values: &[qjs::JSValue]) -> Result<qjs::JSValue> {
    let count = i32::try_from(values.len()).unwrap_or(i32::MAX);
    // SAFETY: so many values are there, and all are owned.
    let array = unsafe { qjs::JS_NewArrayFrom(engine.ctx, count, values.as_ptr()) };
    engine.own(array).map(crate::clone::Owned::into_raw)
}

/// The list of what should be headers. It lives as long as the value, and no two of the functions here use one at a time.
fn list_of<'a>(value: qjs::JSValue) -> Option<&'a mut List> {
    // SAFETY: an object of this class has such a list or none. While it is borrowed, no code runs that could come here again:
    // arguments are converted before.
    unsafe {
        qjs::JS_GetOpaque(value, CLASS.get())
            .cast::<List>()
            .as_mut()
    }
}

/// Says that too few arguments were given to a method, if so.
fn require(engine: &Engine, arguments: &Arguments<'_>, needed: usize, name: &str) -> Result<()> {
    let given = arguments.0.len();
    if given >= needed {
        return Ok(());
    }
    let position = given + 1;
    let message = format!(
        "Failed to execute '{name}' on 'Headers': parameter {position} is not of type 'string'."
    );
    Err(throw_type(engine, &message))
}

/// A name that is released.
struct Name<'a> {
    engine: &'a Engine,
    atom: qjs::JSAtom,
}

impl<'a> Name<'a> {
    fn of(engine: &'a Engine, value: qjs::JSValue) -> Result<Self> {
        let atom = names::lower(engine, value)?;
        Ok(Self { engine, atom })
    }

    /// One of the runtime's own, in lower case.
    fn own(engine: &'a Engine, text: &CStr) -> Self {
        // SAFETY: the text is alive, and it is copied.
        let atom = unsafe { qjs::JS_NewAtom(engine.ctx, text.as_ptr()) };
        Self { engine, atom }
    }

    fn into_raw(self) -> qjs::JSAtom {
        let atom = self.atom;
        std::mem::forget(self);
        atom
    }
}

impl Drop for Name<'_> {
    fn drop(&mut self) {
        // SAFETY: it is owned.
        unsafe { qjs::JS_FreeAtom(self.engine.ctx, self.atom) };
    }
}

/// The receiver's list.
fn receiver<'a>(engine: &Engine, this: qjs::JSValue) -> Result<&'a mut List> {
    list_of(this).ok_or_else(|| throw_type(engine, ILLEGAL))
}

/// `new Headers(init)`, where `this` is what `new` was said of.
fn construct(
    engine: &Engine,
    this: qjs::JSValue,
    arguments: &Arguments<'_>,
) -> Result<qjs::JSValue> {
    // SAFETY: all values are alive, and what is made is new and of the class.
    unsafe {
        let prototype = qjs::JS_GetPropertyStr(engine.ctx, this, c"prototype".as_ptr());
        let prototype = engine.own(prototype)?;
        let headers = engine.own(match qjs::JS_IsObject(prototype.raw()) {
            true => qjs::JS_NewObjectProtoClass(engine.ctx, prototype.raw(), CLASS.get()),
            false => qjs::JS_NewObjectClass(engine.ctx, CLASS.get()),
        })?;
        attach(engine, headers.raw(), List::new())?;
        fill(engine, headers.raw(), arguments.at(0))?;
        Ok(headers.into_raw())
    }
}

/// Gives a new object of the class its list, which is released if there is no room for it.
///
/// # Safety
/// The object has to be of the class, and without a list.
unsafe fn attach(engine: &Engine, object: qjs::JSValue, mut list: List) -> Result<()> {
    // SAFETY: the memory is the object's until its end, and nobody has it yet.
    unsafe {
        let place: *mut List = qjs::js_malloc(engine.ctx, size_of::<List>() as _).cast();
        if place.is_null() {
            list.release(qjs::JS_GetRuntime(engine.ctx));
            return Err(Error::Exception);
        }
        place.write(list);
        qjs::JS_SetOpaque(object, place.cast());
    }
    Ok(())
}

/// New headers with this list.
fn make(engine: &Engine, mut list: List) -> Result<qjs::JSValue> {
    // SAFETY: the context is alive and has the class, and the object is new.
    unsafe {
        match engine.own(qjs::JS_NewObjectClass(engine.ctx, CLASS.get())) {
            Ok(object) => {
                attach(engine, object.raw(), list)?;
                Ok(object.into_raw())
            }
            Err(error) => {
                list.release(qjs::JS_GetRuntime(engine.ctx));
                Err(error)
            }
        }
    }
}

/// Adds what a constructor is given.
fn fill(engine: &Engine, headers: qjs::JSValue, init: qjs::JSValue) -> Result<()> {
    // SAFETY: reads tags.
    let (is_nothing, is_object) = unsafe { (qjs::JS_IsUndefined(init), qjs::JS_IsObject(init)) };
    if is_nothing {
        return Ok(());
    }
    if !is_object {
        return Err(throw_type(
            engine,
            "Failed to construct 'Headers': constructor parameter 1 is not of type 'Headers or Sequence or object'.",
        ));
    }
    if let (Some(other), Some(list)) = (list_of(init), list_of(headers)) {
        *list = other.copy(engine, false)?;
        return Ok(());
    }
    let ctx = engine.context()?;
    // SAFETY: the value is alive, and what is made has a reference of its own.
    let object = unsafe {
        Object::from_value(Value::from_raw(
            ctx.clone(),
            engine.duplicate(init).into_raw(),
        ))
    }
    .map_err(|_| Error::Unknown)?;
    let iterate: Value<'_> = object.get(Symbol::iterator(ctx.clone()))?;
    if !iterate.is_undefined() && !iterate.is_null() {
        return fill_from_sequence(engine, headers, &ctx, &object, iterate);
    }
    let keys = Names::of(engine, init)?;
    for index in 0..keys.count {
        // SAFETY: the object and its names are alive.
        unsafe {
            let name = engine.own(qjs::JS_AtomToString(engine.ctx, keys.atom(index)))?;
            let value = engine.own(qjs::JS_GetProperty(engine.ctx, init, keys.atom(index)))?;
            add(engine, headers, name.raw(), value.raw())?;
        }
    }
    Ok(())
}

fn fill_from_sequence<'js>(
    engine: &Engine,
    headers: qjs::JSValue,
    ctx: &Ctx<'js>,
    object: &Object<'js>,
    iterate: Value<'js>,
) -> Result<()> {
    each(ctx, object, iterate, |pair| {
        let Some(pair) = pair.as_object() else {
            return Err(throw_type(
                engine,
                "Failed to construct 'Headers': The provided value cannot be converted to a sequence.",
            ));
        };
        let mut parts = Vec::new();
        each(
            ctx,
            pair,
            pair.get(Symbol::iterator(ctx.clone()))?,
            |part| {
                parts.push(part);
                Ok(())
            },
        )?;
        let [name, value] = parts.as_slice() else {
            return Err(throw_type(
                engine,
                "To initialize a Headers object from a sequence, each inner sequence must have exactly two elements.",
            ));
        };
        add(engine, headers, name.as_raw(), value.as_raw())
    })
}

/// Goes through an object as `for … of` does.
fn each<'js>(
    ctx: &Ctx<'js>,
    object: &Object<'js>,
    iterate: Value<'js>,
    mut work: impl FnMut(Value<'js>) -> Result<()>,
) -> Result<()> {
    let not_iterable = || rquickjs::Exception::throw_type(ctx, "object is not iterable");
    let iterate: Function<'js> = Function::from_value(iterate).map_err(|_| not_iterable())?;
    let iterator: Object<'js> = iterate.call((This(object.clone()),))?;
    let next: Function<'js> = iterator.get("next")?;
    loop {
        let step: Object<'js> = next.call((This(iterator.clone()),))?;
        if step.get::<_, rquickjs::Coerced<bool>>("done")?.0 {
            return Ok(());
        }
        let Err(error) = work(step.get("value")?) else {
            continue;
        };
        // Who iterates no further says so. What went wrong before counts.
        let reason = ctx.catch();
        let close: Result<Option<Function<'js>>> = iterator.get("return");
        if let Ok(Some(close)) = close
            && close.call::<_, Value<'js>>((This(iterator),)).is_err()
        {
            drop(ctx.catch());
        }
        return Err(match error {
            Error::Exception => ctx.throw(reason),
            other => other,
        });
    }
}

/// `append()` on what is no user's yet.
fn add(
    engine: &Engine,
    headers: qjs::JSValue,
    name: qjs::JSValue,
    value: qjs::JSValue,
) -> Result<()> {
    let name = Name::of(engine, name)?;
    let value = names::normalized(engine, value)?;
    receiver(engine, headers)?.push(engine, name.into_raw(), value.into_raw())
}

fn append(engine: &Engine, this: qjs::JSValue, arguments: &Arguments<'_>) -> Result<qjs::JSValue> {
    change(engine, this, arguments, 2, "append", |list, name| {
        let value = names::normalized(engine, arguments.at(1))?;
        list()?.push(engine, name.into_raw(), value.into_raw())
    })
}

fn set(engine: &Engine, this: qjs::JSValue, arguments: &Arguments<'_>) -> Result<qjs::JSValue> {
    change(engine, this, arguments, 2, "set", |list, name| {
        let value = names::normalized(engine, arguments.at(1))?;
        list()?.set(engine, name.into_raw(), value.into_raw())
    })
}

fn remove(engine: &Engine, this: qjs::JSValue, arguments: &Arguments<'_>) -> Result<qjs::JSValue> {
    change(engine, this, arguments, 1, "delete", |list, name| {
        list()?.remove(engine, name.atom);
        Ok(())
    })
}

/// What the methods do that change headers. `work` asks for the list when its arguments are converted, since what that does may
/// have to do with the same headers.
fn change<'e>(
    engine: &'e Engine,
    this: qjs::JSValue,
    arguments: &Arguments<'_>,
    needed: usize,
    method: &str,
    work: impl FnOnce(&dyn Fn() -> Result<&'e mut List>, Name<'e>) -> Result<()>,
) -> Result<qjs::JSValue> {
    receiver(engine, this)?;
    require(engine, arguments, needed, method)?;
    receiver(engine, this)?.write(engine)?;
    let name = Name::of(engine, arguments.at(0))?;
    let list = || {
        let list = receiver(engine, this)?;
        list.change(engine)?;
        Ok(list)
    };
    work(&list, name)?;
    Ok(qjs::JS_UNDEFINED)
}

fn get(engine: &Engine, this: qjs::JSValue, arguments: &Arguments<'_>) -> Result<qjs::JSValue> {
    let (list, name) = look_up(engine, this, arguments, "get")?;
    list.get(engine, name.atom)
}

fn has(engine: &Engine, this: qjs::JSValue, arguments: &Arguments<'_>) -> Result<qjs::JSValue> {
    let (list, name) = look_up(engine, this, arguments, "has")?;
    Ok(boolean(list.has(name.atom)))
}

fn get_all(engine: &Engine, this: qjs::JSValue, arguments: &Arguments<'_>) -> Result<qjs::JSValue> {
    let (list, name) = look_up(engine, this, arguments, "getAll")?;
    if name.atom != Name::own(engine, SET_COOKIE).atom {
        return Err(throw_type(
            engine,
            "getAll() can only be used with the header name \"Set-Cookie\".",
        ));
    }
    list.get_each(engine, name.atom)
}

const SET_COOKIE: &CStr = c"set-cookie";

fn get_set_cookie(engine: &Engine, this: qjs::JSValue, _: &Arguments<'_>) -> Result<qjs::JSValue> {
    let list = receiver(engine, this)?;
    list.read(engine)?;
    list.get_each(engine, Name::own(engine, SET_COOKIE).atom)
}

/// The list and the name that a method is to look for.
fn look_up<'e>(
    engine: &'e Engine,
    this: qjs::JSValue,
    arguments: &Arguments<'_>,
    method: &str,
) -> Result<(&'e mut List, Name<'e>)> {
    receiver(engine, this)?;
    require(engine, arguments, 1, method)?;
    let name = Name::of(engine, arguments.at(0))?;
    let list = receiver(engine, this)?;
    list.read(engine)?;
    Ok((list, name))
}

fn boolean(value: bool) -> qjs::JSValue {
    qjs::JS_MKVAL(qjs::JS_TAG_BOOL, i32::from(value))
}
