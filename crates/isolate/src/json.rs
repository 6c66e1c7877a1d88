//! `JSON.stringify()` of one value, which is what most answers are made with: the engine's own takes a string apart for each
//! name and number. What it is told beside the value, and objects of kinds that few have, are left to that.
#![expect(
    unsafe_code,
    reason = "it is on the hot path of most requests, so it uses the engine's C API"
)]

use rquickjs::{Ctx, Error, Object, Result, Value, qjs};

use crate::clone::{Engine, FastMap, Kind, Names, Owned, address, classes, kind_of};
use crate::engine_text::Text;

/// Objects inside each other: an engine that calls itself for each has no room for more.
const MAX_DEPTH: usize = 8 * 1024;

/// Puts `stringify` into the place of the engine's own.
pub(crate) fn install(ctx: &Ctx<'_>) -> Result<()> {
    let json: Object<'_> = ctx.globals().get("JSON")?;
    // SAFETY: the context is alive, and `from_raw` takes over the one reference that is made.
    let function = unsafe {
        let raw = ctx.as_raw().as_ptr();
        let kind = qjs::JSCFunctionEnum_JS_CFUNC_generic;
        let name = c"stringify";
        Value::from_raw(
            ctx.clone(),
            qjs::JS_NewCFunction2(raw, Some(stringify), name.as_ptr(), 3, kind, 0),
        )
    };
    json.prop(
        "stringify",
        rquickjs::object::Property::from(function)
            .writable()
            .configurable(),
    )
}

/// `stringify(value, replacer, space)`. The engine fills up what is missing of its three arguments.
unsafe extern "C" fn stringify(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    _count: i32,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: the engine gives as many arguments as the function was made for, which live while it runs.
    unsafe {
        let (value, replacer, space) = (*arguments, *arguments.add(1), *arguments.add(2));
        if is_nothing(replacer) && is_nothing(space) {
            let engine = Engine::bare(ctx);
            write(&engine, value).unwrap_or(qjs::JS_EXCEPTION)
        } else {
            qjs::JS_JSONStringify(ctx, value, replacer, space)
        }
    }
}

/// The text as a value, or undefined for what JSON has no word for.
fn write(engine: &Engine, value: qjs::JSValue) -> Result<qjs::JSValue> {
    let mut writer = Writer::new(engine)?;
    if !writer.value(engine.duplicate(value), Place::Whole)? {
        return Ok(qjs::JS_UNDEFINED);
    }
    while !writer.stack.is_empty() {
        writer.step()?;
    }
    writer.text.to_value()
}

fn is_nothing(value: qjs::JSValue) -> bool {
    // SAFETY: reads the tag.
    let tag = unsafe { qjs::JS_VALUE_GET_NORM_TAG(value) };
    tag == qjs::JS_TAG_UNDEFINED || tag == qjs::JS_TAG_NULL
}

/// Where a value stands.
#[derive(Clone, Copy)]
enum Place {
    Whole,
    Property(qjs::JSAtom),
    Element(u32),
}

/// An object whose parts are being written.
enum Frame<'a> {
    Properties {
        object: Owned<'a>,
        names: Names<'a>,
        next: u32,
        is_first: bool,
    },
    Elements {
        array: Owned<'a>,
        length: u64,
        next: u64,
    },
}

impl Frame<'_> {
    fn object(&self) -> qjs::JSValue {
        match self {
            Self::Properties { object, .. } => object.raw(),
            Self::Elements { array, .. } => array.raw(),
        }
    }
}

struct Writer<'a> {
    engine: &'a Engine,
    text: Text<'a>,
    stack: Vec<Frame<'a>>,
    /// Where in the text a name stands with its quotes and its colon. What is in here has a reference of its own.
    names: FastMap<qjs::JSAtom, (usize, usize)>,
    to_json: qjs::JSAtom,
    kinds: [Kind; 128],
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        // SAFETY: the references were made in here.
        unsafe {
            for atom in self.names.keys() {
                qjs::JS_FreeAtom(self.engine.ctx, *atom);
            }
            qjs::JS_FreeAtom(self.engine.ctx, self.to_json);
        }
    }
}

impl<'a> Writer<'a> {
    fn new(engine: &'a Engine) -> Result<Self> {
        const TO_JSON: &std::ffi::CStr = c"toJSON";
        // SAFETY: the text has the length that is said; the reference is released with the writer.
        let to_json =
            unsafe { qjs::JS_NewAtomLen(engine.ctx, TO_JSON.as_ptr(), TO_JSON.count_bytes() as _) };
        if to_json == 0 {
            return Err(Error::Exception);
        }
        Ok(Self {
            engine,
            text: Text::new(engine),
            stack: Vec::new(),
            names: FastMap::default(),
            to_json,
            kinds: classes(),
        })
    }

    /// Writes the next part of the innermost object.
    fn step(&mut self) -> Result<()> {
        let engine = self.engine;
        match self.stack.last_mut() {
            None => Ok(()),
            Some(Frame::Properties {
                object,
                names,
                next,
                is_first,
            }) => {
                if *next == names.count {
                    self.stack.pop();
                    return self.text.push(b"}");
                }
                let atom = names.atom(*next);
                *next += 1;
                let was_first = *is_first;
                // SAFETY: object and atom are alive.
                let value =
                    engine.own(unsafe { qjs::JS_GetProperty(engine.ctx, object.raw(), atom) })?;
                let depth = self.stack.len();
                if self.value(value, Place::Property(atom))? && was_first {
                    // What it is has been put on the stack, if it has parts.
                    if let Some(Frame::Properties { is_first, .. }) = self.stack.get_mut(depth - 1)
                    {
                        *is_first = false;
                    }
                }
                Ok(())
            }
            Some(Frame::Elements {
                array,
                length,
                next,
            }) => {
                if next == length {
                    self.stack.pop();
                    return self.text.push(b"]");
                }
                let index = *next;
                *next += 1;
                // An array has no more elements than that.
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                let value = engine.element(array.raw(), index)?;
                if !self.value(value, Place::Element(index))? {
                    self.begin(Place::Element(index))?;
                    self.text.push(b"null")?;
                }
                Ok(())
            }
        }
    }

    /// Writes what stands before a value: a comma, and its name.
    fn begin(&mut self, place: Place) -> Result<()> {
        match place {
            Place::Whole | Place::Element(0) => Ok(()),
            Place::Element(_) => self.text.push(b","),
            Place::Property(atom) => {
                if let Some(Frame::Properties {
                    is_first: false, ..
                }) = self.stack.last()
                {
                    self.text.push(b",")?;
                }
                self.name(atom)
            }
        }
    }

    fn name(&mut self, atom: qjs::JSAtom) -> Result<()> {
        if let Some((start, end)) = self.names.get(&atom) {
            return self.text.repeat(*start, *end);
        }
        let start = self.text.len();
        let mut length = 0;
        // SAFETY: the atom is alive, as its object's list of names is; the text is released below.
        unsafe {
            let name = qjs::JS_AtomToCStringLen(self.engine.ctx, &raw mut length, atom);
            self.text.quote(name, length as usize)?;
        }
        self.text.push(b":")?;
        // SAFETY: the reference is released with the writer.
        let kept = unsafe { qjs::JS_DupAtom(self.engine.ctx, atom) };
        self.names.insert(kept, (start, self.text.len()));
        Ok(())
    }

    /// Writes a value, or begins to. Returns false when JSON has no word for it.
    fn value(&mut self, value: Owned<'a>, place: Place) -> Result<bool> {
        let tag = tag_of(&value);
        let value = match tag {
            qjs::JS_TAG_OBJECT | qjs::JS_TAG_BIG_INT | qjs::JS_TAG_SHORT_BIG_INT => {
                self.replaced(value, place)?
            }
            _ => value,
        };
        match tag_of(&value) {
            qjs::JS_TAG_NULL => {
                self.begin(place)?;
                self.text.push(b"null")?;
            }
            qjs::JS_TAG_BOOL => {
                self.begin(place)?;
                // SAFETY: the tag says that it is one.
                let is_true = unsafe { qjs::JS_VALUE_GET_BOOL(value.raw()) };
                self.text.push(if is_true { b"true" } else { b"false" })?;
            }
            qjs::JS_TAG_INT => {
                self.begin(place)?;
                // SAFETY: the tag says that it is one.
                self.text
                    .integer(i64::from(unsafe { qjs::JS_VALUE_GET_INT(value.raw()) }))?;
            }
            qjs::JS_TAG_FLOAT64 => {
                self.begin(place)?;
                self.number(&value)?;
            }
            qjs::JS_TAG_STRING | qjs::JS_TAG_STRING_ROPE => {
                self.begin(place)?;
                self.string(&value)?;
            }
            qjs::JS_TAG_BIG_INT | qjs::JS_TAG_SHORT_BIG_INT => {
                // SAFETY: the text is one without anything to fill in.
                unsafe {
                    qjs::JS_ThrowTypeError(
                        self.engine.ctx,
                        c"Do not know how to serialize a BigInt".as_ptr(),
                    )
                };
                return Err(Error::Exception);
            }
            qjs::JS_TAG_OBJECT => return self.object(value, place),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What `toJSON()` gives, where there is one.
    fn replaced(&mut self, value: Owned<'a>, place: Place) -> Result<Owned<'a>> {
        let engine = self.engine;
        // SAFETY: everything is alive while it is used, and what is made is owned.
        unsafe {
            let function =
                engine.own(qjs::JS_GetProperty(engine.ctx, value.raw(), self.to_json))?;
            if !qjs::JS_IsFunction(engine.ctx, function.raw()) {
                return Ok(value);
            }
            let key = engine.own(match place {
                Place::Whole => qjs::JS_NewStringLen(engine.ctx, c"".as_ptr(), 0),
                Place::Property(atom) => qjs::JS_AtomToString(engine.ctx, atom),
                Place::Element(index) => {
                    let atom = qjs::JS_NewAtomUInt32(engine.ctx, index);
                    let key = qjs::JS_AtomToString(engine.ctx, atom);
                    qjs::JS_FreeAtom(engine.ctx, atom);
                    key
                }
            })?;
            let mut arguments = [key.raw()];
            engine.own(qjs::JS_Call(
                engine.ctx,
                function.raw(),
                value.raw(),
                1,
                arguments.as_mut_ptr(),
            ))
        }
    }

    fn object(&mut self, object: Owned<'a>, place: Place) -> Result<bool> {
        let engine = self.engine;
        // SAFETY: the object is alive.
        if unsafe { qjs::JS_IsFunction(engine.ctx, object.raw()) } {
            return Ok(false);
        }
        let kind = kind_of(&self.kinds, object.raw());
        if matches!(kind, Kind::Boxed | Kind::Other) {
            return self.other(&object, place);
        }
        self.check(&object)?;
        self.begin(place)?;
        if kind == Kind::Array {
            let length = engine.length(object.raw())?;
            self.text.push(b"[")?;
            self.stack.push(Frame::Elements {
                array: object,
                length,
                next: 0,
            });
            return Ok(true);
        }
        let names = Names::of(engine, object.raw())?;
        self.text.push(b"{")?;
        self.stack.push(Frame::Properties {
            object,
            names,
            next: 0,
            is_first: true,
        });
        Ok(true)
    }

    /// An object is not inside itself, and not too deep inside others.
    fn check(&self, object: &Owned<'a>) -> Result<()> {
        let ctx = self.engine.ctx;
        let place = address(object.raw());
        let mut outer = self.stack.iter();
        if outer.any(|frame| address(frame.object()) == place) {
            // SAFETY: the text is without anything to fill in.
            unsafe {
                qjs::JS_ThrowTypeError(ctx, c"Converting circular structure to JSON".as_ptr())
            };
            return Err(Error::Exception);
        }
        if self.stack.len() >= MAX_DEPTH {
            // SAFETY: as above.
            unsafe { qjs::JS_ThrowRangeError(ctx, c"Maximum call stack size exceeded".as_ptr()) };
            return Err(Error::Exception);
        }
        Ok(())
    }

    /// What the engine makes of it: an object around a number, a proxy, and the like.
    fn other(&mut self, object: &Owned<'a>, place: Place) -> Result<bool> {
        let engine = self.engine;
        // SAFETY: the object is alive, and what is made is owned.
        let text = engine.own(unsafe {
            qjs::JS_JSONStringify(
                engine.ctx,
                object.raw(),
                qjs::JS_UNDEFINED,
                qjs::JS_UNDEFINED,
            )
        })?;
        if tag_of(&text) == qjs::JS_TAG_UNDEFINED {
            return Ok(false);
        }
        self.begin(place)?;
        self.plain(&text)?;
        Ok(true)
    }

    fn number(&mut self, value: &Owned<'a>) -> Result<()> {
        /// Numbers up to this are written with all their digits.
        const WHOLE: f64 = 9_007_199_254_740_992.0;
        let number = Engine::number(value.raw());
        if !number.is_finite() {
            return self.text.push(b"null");
        }
        if number.trunc() == number && number.abs() < WHOLE {
            return self.text.integer(number as i64);
        }
        self.plain(value)
    }

    /// A value's own text as it is.
    fn plain(&mut self, value: &Owned<'a>) -> Result<()> {
        let mut length = 0;
        // SAFETY: the value is alive, and the text is released by whom it is given to.
        unsafe {
            let text = qjs::JS_ToCStringLen2(self.engine.ctx, &raw mut length, value.raw(), false);
            self.text.take(text, length as usize)
        }
    }

    fn string(&mut self, value: &Owned<'a>) -> Result<()> {
        let mut length = 0;
        // SAFETY: as above.
        unsafe {
            let text = qjs::JS_ToCStringLen2(self.engine.ctx, &raw mut length, value.raw(), false);
            self.text.quote(text, length as usize)
        }
    }
}

fn tag_of(value: &Owned<'_>) -> i32 {
    // SAFETY: reads the tag.
    unsafe { qjs::JS_VALUE_GET_NORM_TAG(value.raw()) }
}
