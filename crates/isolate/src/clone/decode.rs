//! Bytes into values. Whatever the bytes are, the result is a value or an exception.
#![expect(
    unsafe_code,
    reason = "the codec is on the hot path of every call between isolates, so it uses the engine's C API"
)]

use rquickjs::{Array, Ctx, Error, Result, Value, qjs};

use super::engine::{Engine, Owned};
use super::reader::{Decoded, Fault, Reader};
use super::{
    Complaint, ERROR_MESSAGE, ERROR_STACK, ERROR_STATE, Helper, KEY_END, KEY_KNOWN, KEY_NEW, MAGIC,
    MAX_DEPTH, MAX_RESIZABLE_BYTES, Tag, VERSION,
};

/// Most values have no more objects and keys.
const FEW: usize = 8;

/// The value that `bytes` hold.
///
/// `transferred` holds the buffers that [`Tag::Transferred`] names, and `session` goes to the functions of extensions.
///
/// # Errors
/// Throws a DataCloneError for bytes that the encoder did not write, and what an extension throws.
pub(crate) fn decode<'js>(
    ctx: &Ctx<'js>,
    codec: &Array<'js>,
    bytes: &[u8],
    transferred: Option<&Array<'js>>,
    session: &Value<'js>,
) -> Result<Value<'js>> {
    let engine = Engine::new(ctx, codec, session);
    let mut decoder = Decoder {
        engine: &engine,
        input: Reader { rest: bytes },
        stack: Vec::with_capacity(FEW),
        objects: Vec::with_capacity(FEW),
        keys: Vec::with_capacity(FEW),
        transferred: transferred.map(|array| array.as_raw()),
    };
    let value = match decoder.run() {
        Ok(value) => value,
        Err(Fault::Thrown(error)) => return Err(error),
        Err(Fault::Corrupt) => return Err(engine.complain(Complaint::Corrupt, qjs::JS_UNDEFINED)),
    };
    // SAFETY: the one reference moves into the result.
    Ok(unsafe { Value::from_raw(ctx.clone(), value.into_raw()) })
}

/// An object whose parts are being read.
enum Frame<'a> {
    Properties {
        object: Owned<'a>,
        key: qjs::JSAtom,
    },
    Elements {
        array: Owned<'a>,
        length: u32,
        next: u32,
        has_holes: bool,
    },
    Map {
        map: Owned<'a>,
        left: u64,
        key: Option<Owned<'a>>,
    },
    Set {
        set: Owned<'a>,
        left: u64,
    },
    ErrorState {
        error: Owned<'a>,
        read: bool,
    },
    Extension {
        number: usize,
        name: Owned<'a>,
        payload: Option<Owned<'a>>,
    },
}

struct Decoder<'a, 'b> {
    engine: &'a Engine,
    input: Reader<'b>,
    stack: Vec<Frame<'a>>,
    /// Objects by number; `None` while one cannot be referred to yet.
    objects: Vec<Option<Owned<'a>>>,
    keys: Vec<qjs::JSAtom>,
    transferred: Option<qjs::JSValue>,
}

impl<'a> Decoder<'a, '_> {
    fn run(&mut self) -> Decoded<Owned<'a>> {
        if self.input.byte()? != MAGIC || self.input.byte()? != VERSION {
            return Err(Fault::Corrupt);
        }
        let mut ready = self.value()?;
        loop {
            if let Some(value) = ready.take() {
                match self.stack.last_mut() {
                    None if self.input.rest.is_empty() => return Ok(value),
                    None => return Err(Fault::Corrupt),
                    Some(_) => self.accept(value)?,
                }
            }
            ready = self.advance()?;
        }
    }

    fn own(&self, value: qjs::JSValue) -> Decoded<Owned<'a>> {
        Ok(self.engine.own(value)?)
    }

    /// Gives the next object its number.
    fn number(&mut self, object: &Owned<'a>) {
        self.objects.push(Some(self.engine.duplicate(object.raw())));
    }

    fn push(&mut self, frame: Frame<'a>) -> Decoded<Option<Owned<'a>>> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(Fault::Corrupt);
        }
        self.stack.push(frame);
        Ok(None)
    }

    /// Puts a part where it belongs.
    fn accept(&mut self, value: Owned<'a>) -> Decoded<()> {
        let engine = self.engine;
        let ctx = engine.ctx;
        let all = qjs::JS_PROP_C_W_E as i32;
        match self.stack.last_mut() {
            None => return Err(Fault::Corrupt),
            Some(Frame::Properties { object, key }) => {
                // SAFETY: object and atom are alive; the engine takes over the value's reference.
                let status = unsafe {
                    qjs::JS_DefinePropertyValue(ctx, object.raw(), *key, value.into_raw(), all)
                };
                if status < 0 {
                    return Err(Fault::Thrown(Error::Exception));
                }
            }
            Some(Frame::Elements { array, next, .. }) => {
                // SAFETY: as above.
                let status = unsafe {
                    qjs::JS_DefinePropertyValueUint32(
                        ctx,
                        array.raw(),
                        *next,
                        value.into_raw(),
                        all,
                    )
                };
                if status < 0 {
                    return Err(Fault::Thrown(Error::Exception));
                }
                *next += 1;
            }
            Some(Frame::Map { map, left, key }) => match key.take() {
                None => *key = Some(value),
                Some(key) => {
                    engine.call(Helper::MapAdd, &mut [map.raw(), key.raw(), value.raw()])?;
                    *left -= 1;
                }
            },
            Some(Frame::Set { set, left }) => {
                engine.call(Helper::SetAdd, &mut [set.raw(), value.raw()])?;
                *left -= 1;
            }
            Some(Frame::ErrorState { error, read }) => {
                engine.call(Helper::SetErrorState, &mut [error.raw(), value.raw()])?;
                *read = true;
            }
            Some(Frame::Extension { payload, .. }) => *payload = Some(value),
        }
        Ok(())
    }

    /// Reads the next part of the innermost object, or gives that object when it has no more.
    fn advance(&mut self) -> Decoded<Option<Owned<'a>>> {
        let finished = match self.stack.last_mut() {
            None => return Err(Fault::Corrupt),
            Some(Frame::Properties { .. }) => return self.property(),
            Some(Frame::Elements {
                length,
                next,
                has_holes,
                ..
            }) => {
                if next == length {
                    let (length, has_holes) = (*length, *has_holes);
                    if let Some(Frame::Elements { array, .. }) = self.stack.pop() {
                        if has_holes {
                            self.set_length(&array, length)?;
                        }
                        self.stack.push(Frame::Properties {
                            object: array,
                            key: 0,
                        });
                    }
                    return Ok(None);
                }
                if self.input.rest.first() == Some(&(Tag::Hole as u8)) {
                    *next += 1;
                    *has_holes = true;
                    self.input.rest = &self.input.rest[1..];
                    return Ok(None);
                }
                false
            }
            Some(Frame::Map { left, .. } | Frame::Set { left, .. }) => *left == 0,
            Some(Frame::ErrorState { read, .. }) => *read,
            Some(Frame::Extension { payload, .. }) => payload.is_some(),
        };
        if !finished {
            return self.value();
        }
        match self.stack.pop() {
            Some(Frame::Map { map: object, .. } | Frame::Set { set: object, .. })
            | Some(Frame::ErrorState { error: object, .. }) => Ok(Some(object)),
            Some(Frame::Extension {
                number,
                name,
                payload: Some(payload),
            }) => {
                let engine = self.engine;
                let object = engine.call(
                    Helper::Revive,
                    &mut [name.raw(), payload.raw(), engine.session()],
                )?;
                self.objects[number] = Some(engine.duplicate(object.raw()));
                Ok(Some(object))
            }
            _ => Err(Fault::Corrupt),
        }
    }

    fn property(&mut self) -> Decoded<Option<Owned<'a>>> {
        let code = self.input.varint()?;
        let atom = match code {
            KEY_END => {
                return match self.stack.pop() {
                    Some(Frame::Properties { object, .. }) => Ok(Some(object)),
                    _ => Err(Fault::Corrupt),
                };
            }
            KEY_NEW => {
                let atom = self.new_key()?;
                if atom == 0 {
                    return Err(Fault::Thrown(Error::Exception));
                }
                self.keys.push(atom);
                atom
            }
            known => {
                let index = usize::try_from(known - KEY_KNOWN).map_err(|_| Fault::Corrupt)?;
                *self.keys.get(index).ok_or(Fault::Corrupt)?
            }
        };
        if let Some(Frame::Properties { key, .. }) = self.stack.last_mut() {
            *key = atom;
        }
        self.value()
    }

    /// The atom of a name, which `keys` comes to own.
    fn new_key(&mut self) -> Decoded<qjs::JSAtom> {
        let ctx = self.engine.ctx;
        if let Some((&tag, rest)) = self.input.rest.split_first()
            && tag == Tag::Utf8 as u8
        {
            let mut input = Reader { rest };
            let length = input.varint()?;
            let name = input.take(length)?;
            // The engine knows such names as they stand here, mostly. Others need not be unlike in these bytes.
            if name.is_ascii() {
                self.input = input;
                // SAFETY: the engine copies `length` bytes.
                return Ok(unsafe {
                    qjs::JS_NewAtomLen(ctx, name.as_ptr().cast(), name.len() as _)
                });
            }
        }
        let name = self.string_value()?;
        // SAFETY: the name is a live string.
        Ok(unsafe { qjs::JS_ValueToAtom(ctx, name.raw()) })
    }

    /// A value that has to be a string.
    fn string_value(&mut self) -> Decoded<Owned<'a>> {
        match Tag::from_byte(self.input.byte()?) {
            Some(Tag::Utf8) => self.utf8(),
            Some(Tag::Utf16) => self.utf16(),
            _ => Err(Fault::Corrupt),
        }
    }

    fn utf8(&mut self) -> Decoded<Owned<'a>> {
        let ctx = self.engine.ctx;
        let length = self.input.varint()?;
        let text = self.input.take(length)?;
        if std::str::from_utf8(text).is_err() {
            return Err(Fault::Corrupt);
        }
        // SAFETY: the engine copies `length` bytes.
        let value = unsafe { qjs::JS_NewStringLen(ctx, text.as_ptr().cast(), text.len() as _) };
        self.own(value)
    }

    fn utf16(&mut self) -> Decoded<Owned<'a>> {
        let ctx = self.engine.ctx;
        let length = self.input.varint()?.checked_mul(2).ok_or(Fault::Corrupt)?;
        let units: Vec<u16> = self
            .input
            .take(length)?
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        // SAFETY: the engine copies the units.
        let value = unsafe { qjs::JS_NewStringUTF16(ctx, units.as_ptr(), units.len() as _) };
        self.own(value)
    }

    /// Reads a value whole, or begins one whose parts follow.
    fn value(&mut self) -> Decoded<Option<Owned<'a>>> {
        let engine = self.engine;
        let ctx = engine.ctx;
        let tag = Tag::from_byte(self.input.byte()?).ok_or(Fault::Corrupt)?;
        let value = match tag {
            Tag::Undefined => qjs::JS_UNDEFINED,
            Tag::Null => qjs::JS_NULL,
            Tag::False => qjs::JS_FALSE,
            Tag::True => qjs::JS_TRUE,
            Tag::Integer => engine.new_number(self.input.zigzag()? as f64),
            Tag::Number => {
                // Not an integer even where it could be: -0 has to stay.
                qjs::__JS_NewFloat64(self.input.float()?)
            }
            // SAFETY: makes a new value.
            Tag::SmallBigInt => unsafe { qjs::JS_NewBigInt64(ctx, self.input.zigzag()?) },
            Tag::BigInt => {
                let text = self.string_value()?;
                return Ok(Some(engine.call(Helper::NewBigInt, &mut [text.raw()])?));
            }
            Tag::Utf8 => return self.utf8().map(Some),
            Tag::Utf16 => return self.utf16().map(Some),
            Tag::Reference => {
                let index = usize::try_from(self.input.varint()?).map_err(|_| Fault::Corrupt)?;
                let object = self.objects.get(index).and_then(Option::as_ref);
                let object = object.ok_or(Fault::Corrupt)?;
                return Ok(Some(engine.duplicate(object.raw())));
            }
            Tag::Transferred => {
                let index = u32::try_from(self.input.varint()?).map_err(|_| Fault::Corrupt)?;
                let list = self.transferred.ok_or(Fault::Corrupt)?;
                if u64::from(index) >= engine.length(list)? {
                    return Err(Fault::Corrupt);
                }
                return Ok(Some(engine.element(list, index)?));
            }
            Tag::Hole => return Err(Fault::Corrupt),
            _ => return self.object(tag),
        };
        self.own(value).map(Some)
    }

    fn object(&mut self, tag: Tag) -> Decoded<Option<Owned<'a>>> {
        let engine = self.engine;
        let ctx = engine.ctx;
        let object = match tag {
            Tag::Object => {
                // SAFETY: makes a new value.
                let object = self.own(unsafe { qjs::JS_NewObject(ctx) })?;
                self.number(&object);
                return self.push(Frame::Properties { object, key: 0 });
            }
            Tag::Array | Tag::SparseArray => return self.array(tag),
            Tag::Map | Tag::Set => {
                let left = self.input.varint()?;
                let helper = if tag == Tag::Map {
                    Helper::NewMap
                } else {
                    Helper::NewSet
                };
                let object = engine.call(helper, &mut [])?;
                self.number(&object);
                return self.push(if tag == Tag::Map {
                    Frame::Map {
                        map: object,
                        left,
                        key: None,
                    }
                } else {
                    Frame::Set { set: object, left }
                });
            }
            Tag::Extension => {
                let number = self.objects.len();
                self.objects.push(None);
                let name = self.string_value()?;
                return self.push(Frame::Extension {
                    number,
                    name,
                    payload: None,
                });
            }
            Tag::Error => return self.error(),
            Tag::View => return self.view().map(Some),
            Tag::Date => {
                let time = self.input.float()?;
                // SAFETY: makes a new value.
                self.own(unsafe { qjs::JS_NewDate(ctx, time_clip(time)) })?
            }
            Tag::RegExp => {
                let source = self.string_value()?;
                let flags = self.string_value()?;
                engine.call(Helper::NewRegExp, &mut [source.raw(), flags.raw()])?
            }
            Tag::Boxed => {
                let primitive = match self.input.rest.first().copied().and_then(Tag::from_byte) {
                    Some(
                        Tag::True
                        | Tag::False
                        | Tag::Integer
                        | Tag::Number
                        | Tag::SmallBigInt
                        | Tag::BigInt
                        | Tag::Utf8
                        | Tag::Utf16,
                    ) => self.value()?.ok_or(Fault::Corrupt)?,
                    _ => return Err(Fault::Corrupt),
                };
                engine.call(Helper::Box, &mut [primitive.raw()])?
            }
            Tag::Buffer => {
                let length = self.input.varint()?;
                let bytes = self.input.take(length)?;
                // SAFETY: the engine copies the bytes.
                let buffer =
                    unsafe { qjs::JS_NewArrayBufferCopy(ctx, bytes.as_ptr(), bytes.len() as _) };
                self.own(buffer)?
            }
            Tag::ResizableBuffer => self.resizable_buffer()?,
            _ => return Err(Fault::Corrupt),
        };
        self.number(&object);
        Ok(Some(object))
    }

    fn array(&mut self, tag: Tag) -> Decoded<Option<Owned<'a>>> {
        let ctx = self.engine.ctx;
        let length = u32::try_from(self.input.varint()?).map_err(|_| Fault::Corrupt)?;
        if tag == Tag::Array && length as usize > self.input.rest.len() {
            return Err(Fault::Corrupt);
        }
        // SAFETY: makes a new array.
        let array = self.own(unsafe { qjs::JS_NewArray(ctx) })?;
        self.number(&array);
        if tag == Tag::SparseArray {
            self.set_length(&array, length)?;
            return self.push(Frame::Properties {
                object: array,
                key: 0,
            });
        }
        self.push(Frame::Elements {
            array,
            length,
            next: 0,
            has_holes: false,
        })
    }

    fn set_length(&self, array: &Owned<'a>, length: u32) -> Decoded<()> {
        // SAFETY: the array is alive.
        let status = unsafe { qjs::JS_SetLength(self.engine.ctx, array.raw(), i64::from(length)) };
        if status < 0 {
            return Err(Fault::Thrown(Error::Exception));
        }
        Ok(())
    }

    fn error(&mut self) -> Decoded<Option<Owned<'a>>> {
        let engine = self.engine;
        let kind = self.input.byte()?;
        let flags = self.input.byte()?;
        let mut part = |flag: u8| -> Decoded<Option<Owned<'a>>> {
            if flags & flag == 0 {
                return Ok(None);
            }
            self.string_value().map(Some)
        };
        let message = part(ERROR_MESSAGE)?;
        let stack = part(ERROR_STACK)?;
        let raw = |part: &Option<Owned<'a>>| part.as_ref().map_or(qjs::JS_UNDEFINED, Owned::raw);
        let error = engine.call(
            Helper::NewError,
            &mut [
                engine.new_number(f64::from(kind)),
                engine.new_number(f64::from(flags)),
                raw(&message),
                raw(&stack),
            ],
        )?;
        self.number(&error);
        if flags & ERROR_STATE != 0 {
            return self.push(Frame::ErrorState { error, read: false });
        }
        Ok(Some(error))
    }

    fn resizable_buffer(&mut self) -> Decoded<Owned<'a>> {
        let engine = self.engine;
        let length = self.input.varint()?;
        let limit = self.input.varint()?;
        if limit > MAX_RESIZABLE_BYTES || length > limit {
            return Err(Fault::Corrupt);
        }
        let bytes = self.input.take(length)?;
        let buffer = engine.call(
            Helper::NewResizable,
            &mut [
                engine.new_number(length as f64),
                engine.new_number(limit as f64),
            ],
        )?;
        let mut size = 0;
        // SAFETY: a new buffer of `size` bytes that nothing else has seen; no code runs while it is filled.
        unsafe {
            let start = qjs::JS_GetArrayBuffer(engine.ctx, &raw mut size, buffer.raw());
            if !start.is_null() && size as usize >= bytes.len() {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len());
            }
        }
        Ok(buffer)
    }

    fn view(&mut self) -> Decoded<Owned<'a>> {
        let engine = self.engine;
        let number = self.objects.len();
        self.objects.push(None);
        let kind = self.input.byte()?;
        let offset = self.input.varint()?;
        let length = self.input.varint()? as f64 - 1.0;
        let buffer = match self.input.rest.first().copied().and_then(Tag::from_byte) {
            Some(Tag::Buffer | Tag::ResizableBuffer | Tag::Reference | Tag::Transferred) => {
                self.value()?.ok_or(Fault::Corrupt)?
            }
            _ => return Err(Fault::Corrupt),
        };
        // SAFETY: looks at the value's class.
        if !unsafe { qjs::JS_IsArrayBuffer(buffer.raw()) } {
            return Err(Fault::Corrupt);
        }
        let view = engine.call(
            Helper::NewView,
            &mut [
                engine.new_number(f64::from(kind)),
                buffer.raw(),
                engine.new_number(offset as f64),
                engine.new_number(length),
            ],
        )?;
        self.objects[number] = Some(engine.duplicate(view.raw()));
        Ok(view)
    }
}

impl Drop for Decoder<'_, '_> {
    fn drop(&mut self) {
        for atom in &self.keys {
            // SAFETY: `property` took each reference.
            unsafe { qjs::JS_FreeAtom(self.engine.ctx, *atom) };
        }
    }
}

/// TimeClip of ECMAScript: what a Date can hold.
fn time_clip(time: f64) -> f64 {
    const MAX_TIME_MS: f64 = 8.64e15;
    if time.abs() <= MAX_TIME_MS {
        time.trunc() + 0.0
    } else {
        f64::NAN
    }
}
