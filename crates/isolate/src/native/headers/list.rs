//! The list of one `Headers` object, in the engine's memory.
#![expect(
    unsafe_code,
    reason = "headers are on the hot path of most requests, so their lists hold the engine's own names and texts"
)]

use std::{ptr, slice};

use encoding_rs::UTF_8;
use rquickjs::{Error, Result, qjs};

use super::{new_array, throw_type};
use crate::clone::Engine;
use crate::engine_text::{Text, Utf8, new_text, well_formed};

/// What the host takes in one request or response.
const MAX_HEADERS: usize = 512;
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Room for most requests and responses.
const FIRST_ROOM: usize = 8;

/// A header. Both parts are owned.
#[derive(Clone, Copy)]
struct Entry {
    name: qjs::JSAtom,
    value: qjs::JSValue,
}

/// Names in lower case, values, and whether they may be changed. Whoever lets go of a list has to release it.
pub(super) struct List {
    entries: *mut Entry,
    length: usize,
    room: usize,
    /// The text that the list came as, until it is taken apart or changed: most are only passed on.
    wire: qjs::JSValue,
    /// What iterating shows, until the next change.
    sorted: qjs::JSValue,
    pub(super) is_immutable: bool,
}

impl List {
    pub(super) const fn new() -> Self {
        Self {
            entries: ptr::null_mut(),
            length: 0,
            room: 0,
            wire: qjs::JS_UNDEFINED,
            sorted: qjs::JS_UNDEFINED,
            is_immutable: false,
        }
    }

    /// A list that will be taken out of this text, whose reference it takes over.
    pub(super) fn of_wire(text: qjs::JSValue, is_immutable: bool) -> Self {
        Self {
            wire: text,
            is_immutable,
            ..Self::new()
        }
    }

    fn entries(&self) -> &[Entry] {
        match self.length {
            0 => &[],
            // SAFETY: so many entries are there.
            length => unsafe { slice::from_raw_parts(self.entries, length) },
        }
    }

    /// Releases everything that the list holds.
    pub(super) fn release(&mut self, runtime: *mut qjs::JSRuntime) {
        // SAFETY: all of it is owned, and forgotten here.
        unsafe {
            for entry in self.entries() {
                qjs::JS_FreeAtomRT(runtime, entry.name);
                qjs::JS_FreeValueRT(runtime, entry.value);
            }
            qjs::js_free_rt(runtime, self.entries.cast());
            qjs::JS_FreeValueRT(runtime, self.wire);
            qjs::JS_FreeValueRT(runtime, self.sorted);
        }
        *self = Self::new();
    }

    /// A list of the same headers.
    pub(super) fn copy(&mut self, engine: &Engine, keeps_guard: bool) -> Result<Self> {
        let mut copy = Self::new();
        copy.is_immutable = keeps_guard && self.is_immutable;
        // SAFETY: what is copied is alive, and the copy gets references of its own.
        unsafe {
            copy.wire = qjs::JS_DupValue(engine.ctx, self.wire);
            copy.reserve(engine, self.length)?;
            for entry in self.entries() {
                let name = qjs::JS_DupAtom(engine.ctx, entry.name);
                let value = qjs::JS_DupValue(engine.ctx, entry.value);
                copy.put(Entry { name, value });
            }
        }
        Ok(copy)
    }

    fn reserve(&mut self, engine: &Engine, count: usize) -> Result<()> {
        let needed = self.length.saturating_add(count);
        if needed <= self.room {
            return Ok(());
        }
        let room = needed.max(self.room.saturating_mul(2)).max(FIRST_ROOM);
        let bytes = room.saturating_mul(size_of::<Entry>());
        // SAFETY: the memory is the engine's, or there is none yet. When there is no more, it throws.
        let entries = unsafe { qjs::js_realloc(engine.ctx, self.entries.cast(), bytes as _) };
        if entries.is_null() {
            return Err(Error::Exception);
        }
        (self.entries, self.room) = (entries.cast(), room);
        Ok(())
    }

    /// Adds an entry, for which there has to be room.
    fn put(&mut self, entry: Entry) {
        debug_assert!(self.length < self.room, "there is room");
        // SAFETY: there is room, and nobody else has a part of this memory.
        unsafe { self.entries.add(self.length).write(entry) };
        self.length += 1;
    }

    /// Takes the wire's text apart, if that was not done. Names and values have to be valid.
    pub(super) fn read(&mut self, engine: &Engine) -> Result<()> {
        // SAFETY: reads the tag.
        if unsafe { qjs::JS_IsUndefined(self.wire) } {
            return Ok(());
        }
        let text = engine.own(std::mem::replace(&mut self.wire, qjs::JS_UNDEFINED))?;
        let borrowed = Utf8::of(engine, text.raw())?;
        let mut parts = borrowed.bytes().split(|byte| *byte == b'\n');
        while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            self.reserve(engine, 1)?;
            let value = if value.is_ascii() {
                new_text(engine, value)?
            } else {
                let bytes = latin1(value);
                let (decoded, _) = UTF_8.decode_with_bom_removal(&bytes);
                new_text(engine, decoded.as_bytes())?
            };
            // SAFETY: the name lies in a text that is alive.
            let name =
                unsafe { qjs::JS_NewAtomLen(engine.ctx, name.as_ptr().cast(), name.len() as _) };
            self.put(Entry { name, value });
        }
        Ok(())
    }

    /// Prepares for a change.
    ///
    /// # Errors
    /// When the headers may not be changed.
    pub(super) fn write(&mut self, engine: &Engine) -> Result<()> {
        if self.is_immutable {
            return Err(throw_type(engine, "Can't modify immutable headers."));
        }
        self.change(engine)
    }

    /// The same for what the runtime itself changes.
    pub(super) fn change(&mut self, engine: &Engine) -> Result<()> {
        self.read(engine)?;
        drop(engine.own(std::mem::replace(&mut self.sorted, qjs::JS_UNDEFINED))?);
        Ok(())
    }

    /// Adds a header. Name and value are taken over.
    pub(super) fn push(
        &mut self,
        engine: &Engine,
        name: qjs::JSAtom,
        value: qjs::JSValue,
    ) -> Result<()> {
        let entry = Entry { name, value };
        if let Err(error) = self.reserve(engine, 1) {
            self.forget(engine, entry);
            return Err(error);
        }
        self.put(entry);
        Ok(())
    }

    /// Gives a header this value alone. Name and value are taken over.
    pub(super) fn set(
        &mut self,
        engine: &Engine,
        name: qjs::JSAtom,
        value: qjs::JSValue,
    ) -> Result<()> {
        let Some(first) = self.entries().iter().position(|entry| entry.name == name) else {
            return self.push(engine, name, value);
        };
        // SAFETY: the entry is there.
        let place = unsafe { &mut (*self.entries.add(first)).value };
        let old = std::mem::replace(place, value);
        self.forget(engine, Entry { name, value: old });
        self.remove_from(engine, first + 1, name);
        Ok(())
    }

    pub(super) fn remove(&mut self, engine: &Engine, name: qjs::JSAtom) {
        self.remove_from(engine, 0, name);
    }

    fn remove_from(&mut self, engine: &Engine, start: usize, name: qjs::JSAtom) {
        let mut kept = start;
        for index in start..self.length {
            // SAFETY: both places are within the list.
            unsafe {
                let entry = *self.entries.add(index);
                if entry.name == name {
                    self.forget(engine, entry);
                } else {
                    self.entries.add(kept).write(entry);
                    kept += 1;
                }
            }
        }
        self.length = kept.max(start.min(self.length));
    }

    fn forget(&self, engine: &Engine, entry: Entry) {
        // SAFETY: both were owned. Neither is an object, so no code runs.
        unsafe {
            qjs::JS_FreeAtom(engine.ctx, entry.name);
            qjs::JS_FreeValue(engine.ctx, entry.value);
        }
    }

    pub(super) fn has(&self, name: qjs::JSAtom) -> bool {
        self.entries().iter().any(|entry| entry.name == name)
    }

    /// The values of a header, with commas between them, or null.
    pub(super) fn get(&self, engine: &Engine, name: qjs::JSAtom) -> Result<qjs::JSValue> {
        let mut found = self.entries().iter().filter(|entry| entry.name == name);
        let Some(first) = found.next() else {
            return Ok(qjs::JS_NULL);
        };
        let Some(second) = found.next() else {
            return Ok(engine.duplicate(first.value).into_raw());
        };
        let mut bytes = Vec::new();
        bytes.extend(Utf8::of(engine, first.value)?.bytes());
        for entry in std::iter::once(second).chain(found) {
            bytes.extend(b", ");
            bytes.extend(Utf8::of(engine, entry.value)?.bytes());
        }
        new_text(engine, &bytes)
    }

    /// The values of a header, in a new array.
    pub(super) fn get_each(&self, engine: &Engine, name: qjs::JSAtom) -> Result<qjs::JSValue> {
        let found = self.entries().iter().filter(|entry| entry.name == name);
        let values = found.map(|entry| engine.duplicate(entry.value).into_raw());
        new_array(engine, &values.collect::<Vec<_>>())
    }

    /// `[name, value, name, value, …]` in a new array.
    pub(super) fn flat(&self, engine: &Engine) -> Result<qjs::JSValue> {
        let mut parts = Vec::with_capacity(2 * self.length);
        for entry in self.entries() {
            // SAFETY: the name is alive.
            parts.push(unsafe { qjs::JS_AtomToString(engine.ctx, entry.name) });
            parts.push(engine.duplicate(entry.value).into_raw());
        }
        new_array(engine, &parts)
    }

    /// What [`List::keep_sorted`] was given, if nothing was changed since.
    pub(super) fn sorted(&self, engine: &Engine) -> qjs::JSValue {
        engine.duplicate(self.sorted).into_raw()
    }

    pub(super) fn keep_sorted(&mut self, engine: &Engine, sorted: qjs::JSValue) -> Result<()> {
        let sorted = engine.duplicate(sorted).into_raw();
        drop(engine.own(std::mem::replace(&mut self.sorted, sorted))?);
        Ok(())
    }

    /// The text of the list on the wire: its parts with line feeds between them, values as the bytes of UTF-8.
    ///
    /// # Errors
    /// When there is more than the host takes.
    pub(super) fn to_wire(&self, engine: &Engine) -> Result<qjs::JSValue> {
        // SAFETY: reads the tag.
        if !unsafe { qjs::JS_IsUndefined(self.wire) } {
            return Ok(engine.duplicate(self.wire).into_raw());
        }
        let too_large = |size: String, most: usize| {
            let text = format!("Headers are too large: {size}, and at most {most} can be sent.");
            Err(throw_type(engine, &text))
        };
        if self.length > MAX_HEADERS {
            return too_large(format!("{} of them", self.length), MAX_HEADERS);
        }
        let mut text = Text::new(engine);
        let mut length = 0;
        for (index, entry) in self.entries().iter().enumerate() {
            if index > 0 {
                text.push(b"\n")?;
            }
            let mut size = 0;
            // SAFETY: the name is alive, `size` is valid for writing, and the text is released by who takes it.
            unsafe {
                let name = qjs::JS_AtomToCStringLen(engine.ctx, &raw mut size, entry.name);
                text.take(name, size as usize)?;
            }
            text.push(b"\n")?;
            let value = Utf8::of(engine, entry.value)?;
            length += size as usize + value.bytes().len() + 2;
            if length > MAX_BYTES {
                continue;
            }
            if value.bytes().is_ascii() {
                text.push(value.bytes())?;
            } else {
                text.push(&as_latin1(value.bytes()))?;
            }
        }
        if length > MAX_BYTES {
            return too_large(format!("{length} bytes"), MAX_BYTES);
        }
        text.to_value()
    }
}

/// Characters up to U+00FF, in UTF-8, as the bytes that they stand for.
fn latin1(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the wire has no other characters"
    )]
    text.chars()
        .map(|character| character as u32 as u8)
        .collect()
}

/// UTF-8 as text whose characters stand for its bytes. Halves of surrogate pairs are replaced.
fn as_latin1(text: &[u8]) -> Vec<u8> {
    let whole = well_formed(text);
    let characters = whole.iter().map(|byte| char::from(*byte));
    characters.collect::<String>().into_bytes()
}
