//! Values into bytes.
#![expect(
    unsafe_code,
    reason = "the codec is on the hot path of every call between isolates, so it uses the engine's C API"
)]

use std::ptr;

use rquickjs::{Array, Ctx, Error, Result, Value, qjs};

use super::engine::{Engine, Kind, Owned, classes, kind_of};
use super::names::{FastMap, Names};
use super::{
    Complaint, ERROR_MESSAGE, ERROR_STACK, ERROR_STATE, Helper, KEY_END, KEY_KNOWN, KEY_NEW, MAGIC,
    MAX_DEPTH, MAX_MESSAGE_BYTES, Tag, VERSION,
};

/// The bytes of `value`.
///
/// Buffers in the array `transfer` are written as their index. `session` is passed to the functions of extensions.
///
/// # Errors
/// Throws a DataCloneError for what cannot be cloned, and whatever a getter throws.
pub(crate) fn encode<'js>(
    ctx: &Ctx<'js>,
    codec: &Array<'js>,
    value: &Value<'js>,
    transfer: Option<&Array<'js>>,
    session: &Value<'js>,
) -> Result<Vec<u8>> {
    let engine = Engine::new(ctx, codec, session);
    let mut encoder = Encoder::new(&engine);
    if let Some(transfer) = transfer {
        for (index, buffer) in transfer.iter::<Value<'js>>().enumerate() {
            let buffer = engine.duplicate(buffer?.as_raw());
            encoder
                .seen
                .insert(address(buffer.raw()), TRANSFERRED | index as u64);
            encoder.held.push(buffer);
        }
    }
    encoder.bytes.extend([MAGIC, VERSION]);
    encoder.run(engine.duplicate(value.as_raw()))?;
    Ok(std::mem::take(&mut encoder.bytes))
}

/// In `seen`: the number is an index in the transfer list.
const TRANSFERRED: u64 = 1 << 63;

/// An object whose parts are being written; the object itself is kept alive by `Encoder::held`.
enum Frame<'a> {
    Properties {
        object: qjs::JSValue,
        names: Names<'a>,
        next: u32,
    },
    Elements {
        array: qjs::JSValue,
        length: u32,
        next: u32,
    },
    /// Values with nothing between them: what a Map or Set holds.
    List {
        values: Owned<'a>,
        length: u32,
        next: u32,
    },
}

struct Encoder<'a> {
    engine: &'a Engine,
    bytes: Vec<u8>,
    stack: Vec<Frame<'a>>,
    /// Number of each object by its address, which `held` keeps from being used again.
    seen: FastMap<usize, u64>,
    held: Vec<Owned<'a>>,
    objects: u64,
    keys: FastMap<qjs::JSAtom, u64>,
    /// Prototypes that are known to belong to no extension.
    plain: FastMap<usize, ()>,
    object_prototype: usize,
    kinds: [Kind; 128],
}

/// Where an object is.
pub(crate) fn address(value: qjs::JSValue) -> usize {
    // SAFETY: only objects are asked for, whose value is a pointer.
    unsafe { qjs::JS_VALUE_GET_PTR(value) as usize }
}

impl<'a> Encoder<'a> {
    fn new(engine: &'a Engine) -> Self {
        const OBJECT_CLASS: u32 = 1;
        // SAFETY: class 1 is the engine's class of ordinary objects; the address outlives this call since the context
        // keeps its own reference.
        let object_prototype = unsafe {
            let prototype = qjs::JS_GetClassProto(engine.ctx, OBJECT_CLASS);
            qjs::JS_FreeValue(engine.ctx, prototype);
            address(prototype)
        };
        Self {
            engine,
            bytes: Vec::with_capacity(256),
            stack: Vec::new(),
            seen: FastMap::default(),
            held: Vec::new(),
            objects: 0,
            keys: FastMap::default(),
            plain: FastMap::default(),
            object_prototype,
            kinds: classes(),
        }
    }

    fn run(&mut self, value: Owned<'a>) -> Result<()> {
        self.value(value)?;
        while !self.stack.is_empty() {
            self.step()?;
        }
        Ok(())
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
            }) => {
                if *next == names.count {
                    self.stack.pop();
                    self.varint(KEY_END);
                    return Ok(());
                }
                let (object, atom) = (*object, names.atom(*next));
                *next += 1;
                // SAFETY: object and atom are alive.
                let value = engine.own(unsafe { qjs::JS_GetProperty(engine.ctx, object, atom) })?;
                // SAFETY: reads the tag.
                if unsafe { qjs::JS_IsUndefined(value.raw()) } {
                    // A getter may have deleted it since the names were listed.
                    // SAFETY: with no descriptor to fill, this only looks.
                    let found = unsafe {
                        qjs::JS_GetOwnProperty(engine.ctx, ptr::null_mut(), object, atom)
                    };
                    if found < 0 {
                        return Err(Error::Exception);
                    }
                    if found == 0 {
                        return Ok(());
                    }
                }
                self.key(atom)?;
                self.value(value)
            }
            Some(Frame::Elements {
                array,
                length,
                next,
            }) => {
                if next == length {
                    let array = *array;
                    self.stack.pop();
                    return self.properties(array, true);
                }
                let (array, index) = (*array, *next);
                *next += 1;
                let value = engine.element(array, index)?;
                // SAFETY: reads the tag.
                if unsafe { qjs::JS_IsUndefined(value.raw()) } && !self.has_index(array, index)? {
                    self.tag(Tag::Hole);
                    return Ok(());
                }
                self.value(value)
            }
            Some(Frame::List {
                values,
                length,
                next,
            }) => {
                if next == length {
                    self.stack.pop();
                    return Ok(());
                }
                let value = engine.element(values.raw(), *next)?;
                *next += 1;
                self.value(value)
            }
        }
    }

    fn has_index(&self, array: qjs::JSValue, index: u32) -> Result<bool> {
        // SAFETY: the array is alive; the atom is released.
        let found = unsafe {
            let atom = qjs::JS_NewAtomUInt32(self.engine.ctx, index);
            let found = qjs::JS_GetOwnProperty(self.engine.ctx, ptr::null_mut(), array, atom);
            qjs::JS_FreeAtom(self.engine.ctx, atom);
            found
        };
        if found < 0 {
            return Err(Error::Exception);
        }
        Ok(found > 0)
    }

    fn tag(&mut self, tag: Tag) {
        self.bytes.push(tag as u8);
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn zigzag(&mut self, number: i64) {
        self.varint(((number << 1) ^ (number >> 63)) as u64);
    }

    /// Writes a value, or its head with its parts on the stack.
    fn value(&mut self, value: Owned<'a>) -> Result<()> {
        let raw = value.raw();
        // SAFETY: each part is read as the tag says.
        unsafe {
            let tag = qjs::JS_VALUE_GET_TAG(raw);
            match tag {
                qjs::JS_TAG_INT => {
                    self.tag(Tag::Integer);
                    self.zigzag(i64::from(qjs::JS_VALUE_GET_INT(raw)));
                }
                qjs::JS_TAG_BOOL => self.tag(if qjs::JS_VALUE_GET_BOOL(raw) {
                    Tag::True
                } else {
                    Tag::False
                }),
                qjs::JS_TAG_NULL => self.tag(Tag::Null),
                qjs::JS_TAG_UNDEFINED => self.tag(Tag::Undefined),
                qjs::JS_TAG_STRING | qjs::JS_TAG_STRING_ROPE => self.string(raw)?,
                qjs::JS_TAG_SHORT_BIG_INT => {
                    let mut number = 0;
                    qjs::JS_ToBigInt64(self.engine.ctx, &raw mut number, raw);
                    self.tag(Tag::SmallBigInt);
                    self.zigzag(number);
                }
                qjs::JS_TAG_BIG_INT => {
                    let text = self.engine.call(Helper::BigIntText, &mut [raw])?;
                    self.tag(Tag::BigInt);
                    self.string(text.raw())?;
                }
                qjs::JS_TAG_OBJECT => return self.object(value),
                _ if qjs::JS_TAG_IS_FLOAT64(tag) => {
                    self.tag(Tag::Number);
                    self.bytes
                        .extend(qjs::JS_VALUE_GET_FLOAT64(raw).to_le_bytes());
                }
                _ => return Err(self.engine.complain(Complaint::Uncloneable, raw)),
            }
        }
        Ok(())
    }

    fn string(&mut self, value: qjs::JSValue) -> Result<()> {
        let ctx = self.engine.ctx;
        let mut length = 0;
        // SAFETY: the engine gives `length` bytes that stay until they are given back.
        unsafe {
            let start = qjs::JS_ToCStringLen2(ctx, &raw mut length, value, false);
            if start.is_null() {
                return Err(Error::Exception);
            }
            let text = std::slice::from_raw_parts(start.cast::<u8>(), length as usize);
            let is_utf8 = std::str::from_utf8(text).is_ok();
            if is_utf8 {
                self.tag(Tag::Utf8);
                self.varint(text.len() as u64);
                self.bytes.extend_from_slice(text);
            }
            qjs::JS_FreeCString(ctx, start);
            if is_utf8 {
                return self.check_size(value);
            }
            let start = qjs::JS_ToCStringLenUTF16(ctx, &raw mut length, value);
            if start.is_null() {
                return Err(Error::Exception);
            }
            let units = std::slice::from_raw_parts(start, length as usize);
            self.tag(Tag::Utf16);
            self.varint(units.len() as u64);
            self.bytes
                .extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
            qjs::JS_FreeCStringUTF16(ctx, start);
        }
        self.check_size(value)
    }

    fn check_size(&self, value: qjs::JSValue) -> Result<()> {
        if self.bytes.len() > MAX_MESSAGE_BYTES {
            return Err(self.engine.complain(Complaint::TooLarge, value));
        }
        Ok(())
    }

    fn key(&mut self, atom: qjs::JSAtom) -> Result<()> {
        if let Some(number) = self.keys.get(&atom) {
            let number = *number;
            self.varint(KEY_KNOWN + number);
            return Ok(());
        }
        let number = self.keys.len() as u64;
        // SAFETY: the atom is alive, and gets a reference of its own so that it is not used again for another name.
        let text = unsafe {
            qjs::JS_DupAtom(self.engine.ctx, atom);
            self.engine
                .own(qjs::JS_AtomToString(self.engine.ctx, atom))?
        };
        self.keys.insert(atom, number);
        self.varint(KEY_NEW);
        self.string(text.raw())
    }

    fn object(&mut self, value: Owned<'a>) -> Result<()> {
        let raw = value.raw();
        let next = self.objects;
        match self.seen.entry(address(raw)) {
            std::collections::hash_map::Entry::Occupied(entry) => {
                let number = *entry.get();
                if number & TRANSFERRED == 0 {
                    self.tag(Tag::Reference);
                    self.varint(number);
                } else {
                    self.tag(Tag::Transferred);
                    self.varint(number & !TRANSFERRED);
                }
                return Ok(());
            }
            std::collections::hash_map::Entry::Vacant(entry) => entry.insert(next),
        };
        self.objects += 1;
        self.held.push(value);
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.engine.complain(Complaint::TooDeep, raw));
        }
        let engine = self.engine;
        match kind_of(&self.kinds, raw) {
            Kind::Object if self.is_plain(raw)? => {
                self.tag(Tag::Object);
                self.properties(raw, false)
            }
            Kind::Array => self.array(raw),
            Kind::Object | Kind::Other => self.extension(raw),
            Kind::Boxed => {
                let primitive = engine.call(Helper::Unbox, &mut [raw])?;
                self.tag(Tag::Boxed);
                self.value(primitive)
            }
            Kind::Date => {
                let time = engine.call(Helper::DateTime, &mut [raw])?;
                self.tag(Tag::Date);
                self.bytes.extend(Engine::number(time.raw()).to_le_bytes());
                Ok(())
            }
            Kind::RegExp => {
                let parts = engine.call(Helper::RegExpParts, &mut [raw])?;
                self.tag(Tag::RegExp);
                self.value(engine.element(parts.raw(), 0)?)?;
                self.value(engine.element(parts.raw(), 1)?)
            }
            Kind::Map => self.list(Tag::Map, Helper::MapEntries, 2, raw),
            Kind::Set => self.list(Tag::Set, Helper::SetValues, 1, raw),
            Kind::Error => self.error(raw),
            Kind::Buffer => self.buffer(raw),
            Kind::View => self.view(raw),
        }
    }

    /// Whether the object's prototype is the ordinary one, none, or one of a user's class.
    fn is_plain(&mut self, object: qjs::JSValue) -> Result<bool> {
        // SAFETY: the object is alive.
        let prototype = self
            .engine
            .own(unsafe { qjs::JS_GetPrototype(self.engine.ctx, object) })?;
        // SAFETY: reads the tag.
        if !unsafe { qjs::JS_IsObject(prototype.raw()) } {
            return Ok(true);
        }
        let known = address(prototype.raw());
        Ok(known == self.object_prototype || self.plain.contains_key(&known))
    }

    fn extension(&mut self, object: qjs::JSValue) -> Result<()> {
        let engine = self.engine;
        let found = engine.call(Helper::Extend, &mut [object, engine.session()])?;
        // SAFETY: reads tags; the prototype is kept by `held` so that its address is not used again.
        unsafe {
            if qjs::JS_IsUndefined(found.raw()) {
                if kind_of(&self.kinds, object) != Kind::Object {
                    return Err(engine.complain(Complaint::Uncloneable, object));
                }
                if qjs::JS_IsUndefined(engine.session()) {
                    let prototype = engine.own(qjs::JS_GetPrototype(engine.ctx, object))?;
                    self.plain.insert(address(prototype.raw()), ());
                    self.held.push(prototype);
                }
                self.tag(Tag::Object);
                return self.properties(object, false);
            }
        }
        self.tag(Tag::Extension);
        let name = engine.element(found.raw(), 0)?;
        self.string(name.raw())?;
        let payload = engine.element(found.raw(), 1)?;
        self.value(payload)
    }

    fn properties(&mut self, object: qjs::JSValue, skip_indices: bool) -> Result<()> {
        let names = Names::of(self.engine, object)?;
        let mut next = 0;
        if skip_indices {
            // Integer names come first, and atoms of integers have the top bit.
            const INTEGER_ATOM: u32 = 1 << 31;
            while next < names.count && names.atom(next) & INTEGER_ATOM != 0 {
                next += 1;
            }
        }
        self.stack.push(Frame::Properties {
            object,
            names,
            next,
        });
        Ok(())
    }

    fn array(&mut self, array: qjs::JSValue) -> Result<()> {
        let length = self.engine.length(array)?;
        // An array that is mostly holes is a list of properties.
        const SURELY_DENSE: u64 = 64;
        let sparse = length > SURELY_DENSE && !self.is_dense(array, length)?;
        self.tag(if sparse { Tag::SparseArray } else { Tag::Array });
        self.varint(length);
        if sparse {
            return self.properties(array, false);
        }
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.stack.push(Frame::Elements {
            array,
            length,
            next: 0,
        });
        Ok(())
    }

    /// Samples: an array whose 17 evenly spread elements exist is written element by element.
    fn is_dense(&self, array: qjs::JSValue, length: u64) -> Result<bool> {
        const SAMPLES: u64 = 16;
        for sample in 0..=SAMPLES {
            let index = u32::try_from((length - 1) * sample / SAMPLES).unwrap_or(u32::MAX);
            if !self.has_index(array, index)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn list(
        &mut self,
        tag: Tag,
        helper: Helper,
        per_entry: u64,
        object: qjs::JSValue,
    ) -> Result<()> {
        let values = self.engine.call(helper, &mut [object])?;
        let length = self.engine.length(values.raw())?;
        self.tag(tag);
        self.varint(length / per_entry);
        self.stack.push(Frame::List {
            values,
            length: u32::try_from(length).unwrap_or(u32::MAX),
            next: 0,
        });
        Ok(())
    }

    fn error(&mut self, error: qjs::JSValue) -> Result<()> {
        let engine = self.engine;
        let extended = engine.call(Helper::Extend, &mut [error, engine.session()])?;
        // SAFETY: reads the tag.
        if !unsafe { qjs::JS_IsUndefined(extended.raw()) } {
            self.tag(Tag::Extension);
            let name = engine.element(extended.raw(), 0)?;
            self.string(name.raw())?;
            return self.value(engine.element(extended.raw(), 1)?);
        }
        let parts = engine.call(Helper::ErrorParts, &mut [error, engine.session()])?;
        let kind = Engine::number(engine.element(parts.raw(), 0)?.raw()) as u8;
        let flags = Engine::number(engine.element(parts.raw(), 1)?.raw()) as u8;
        self.tag(Tag::Error);
        self.bytes.extend([kind, flags]);
        if flags & ERROR_MESSAGE != 0 {
            self.string(engine.element(parts.raw(), 2)?.raw())?;
        }
        if flags & ERROR_STACK != 0 {
            self.string(engine.element(parts.raw(), 3)?.raw())?;
        }
        if flags & ERROR_STATE != 0 {
            return self.value(engine.element(parts.raw(), 4)?);
        }
        Ok(())
    }

    fn buffer(&mut self, buffer: qjs::JSValue) -> Result<()> {
        let engine = self.engine;
        let limit = Engine::number(engine.call(Helper::BufferLimit, &mut [buffer])?.raw());
        let mut length = 0;
        // SAFETY: the buffer is alive and no code runs while its bytes are copied.
        unsafe {
            let start = qjs::JS_GetArrayBuffer(engine.ctx, &raw mut length, buffer);
            let bytes = if start.is_null() || length == 0 {
                &[]
            } else {
                std::slice::from_raw_parts(start, length as usize)
            };
            if limit >= 0.0 {
                self.tag(Tag::ResizableBuffer);
                self.varint(bytes.len() as u64);
                self.varint(limit as u64);
            } else {
                self.tag(Tag::Buffer);
                self.varint(bytes.len() as u64);
            }
            self.bytes.extend_from_slice(bytes);
        }
        self.check_size(buffer)
    }

    fn view(&mut self, view: qjs::JSValue) -> Result<()> {
        let engine = self.engine;
        let parts = engine.call(Helper::ViewParts, &mut [view])?;
        let number = |index| -> Result<f64> {
            Ok(Engine::number(engine.element(parts.raw(), index)?.raw()))
        };
        let (kind, offset, length) = (number(0)?, number(1)?, number(2)?);
        self.tag(Tag::View);
        self.bytes.push(kind as u8);
        self.varint(offset as u64);
        self.varint((length + 1.0) as u64);
        self.value(engine.element(parts.raw(), 3)?)
    }
}

impl Drop for Encoder<'_> {
    fn drop(&mut self) {
        for atom in self.keys.keys() {
            // SAFETY: `key` took a reference to each.
            unsafe { qjs::JS_FreeAtom(self.engine.ctx, *atom) };
        }
    }
}
