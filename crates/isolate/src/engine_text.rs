//! The engine's texts as bytes, and one that grows in its memory, so that it counts for the isolate's limit.
#![expect(
    unsafe_code,
    reason = "its memory is the engine's, and so are the texts that it takes"
)]

use std::ffi::c_char;
use std::{ptr, slice};

use rquickjs::{Error, Result, qjs};

use crate::clone::Engine;

/// A text of the engine's as UTF-8, but for halves of surrogate pairs, which are three bytes.
pub(crate) struct Utf8<'a> {
    engine: &'a Engine,
    start: *const c_char,
    length: usize,
}

impl<'a> Utf8<'a> {
    /// A value as text, which it may have to be made into.
    pub(crate) fn of(engine: &'a Engine, value: qjs::JSValue) -> Result<Self> {
        let mut length = 0;
        // SAFETY: the value is alive and `length` is valid for writing.
        let start = unsafe { qjs::JS_ToCStringLen2(engine.ctx, &raw mut length, value, false) };
        Self::new(engine, start, length as usize)
    }

    /// The text of a name.
    pub(crate) fn of_atom(engine: &'a Engine, atom: qjs::JSAtom) -> Result<Self> {
        let mut length = 0;
        // SAFETY: the name is alive and `length` is valid for writing.
        let start = unsafe { qjs::JS_AtomToCStringLen(engine.ctx, &raw mut length, atom) };
        Self::new(engine, start, length as usize)
    }

    fn new(engine: &'a Engine, start: *const c_char, length: usize) -> Result<Self> {
        match start.is_null() {
            true => Err(Error::Exception),
            false => Ok(Self {
                engine,
                start,
                length,
            }),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the text is alive until this is dropped, and nobody changes it.
        unsafe { slice::from_raw_parts(self.start.cast(), self.length) }
    }
}

impl Drop for Utf8<'_> {
    fn drop(&mut self) {
        // SAFETY: it is the engine's, and is released once.
        unsafe { qjs::JS_FreeCString(self.engine.ctx, self.start) };
    }
}

/// A new text of what [`Utf8`] gives.
pub(crate) fn new_text(engine: &Engine, text: &[u8]) -> Result<qjs::JSValue> {
    let value = match has_halves(text) {
        // SAFETY: the text is alive, and it is copied.
        false => unsafe { qjs::JS_NewStringLen(engine.ctx, text.as_ptr().cast(), text.len() as _) },
        true => {
            let units = utf16(text);
            // SAFETY: as above.
            unsafe { qjs::JS_NewStringUTF16(engine.ctx, units.as_ptr(), units.len() as _) }
        }
    };
    engine.own(value).map(crate::clone::Owned::into_raw)
}

/// The same with U+FFFD for each half of a surrogate pair.
pub(crate) fn well_formed(text: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    match has_halves(text) {
        false => text.into(),
        true => String::from_utf16_lossy(&utf16(text)).into_bytes().into(),
    }
}

fn has_halves(text: &[u8]) -> bool {
    text.windows(2)
        .any(|pair| pair[0] == 0xed && pair[1] >= 0xa0)
}

fn utf16(text: &[u8]) -> Vec<u16> {
    let mut units = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if let [0xed, second @ 0xa0..=0xbf, third, after @ ..] = rest {
            units.push(half(*second, *third));
            rest = after;
            continue;
        }
        let next = rest
            .windows(2)
            .position(|pair| pair[0] == 0xed && pair[1] >= 0xa0);
        let (whole, after) = rest.split_at(next.unwrap_or(rest.len()));
        units.extend(String::from_utf8_lossy(whole).encode_utf16());
        rest = after;
    }
    units
}

/// The half of a surrogate pair that 0xed, `second` and `third` stand for.
fn half(second: u8, third: u8) -> u16 {
    0xd000 | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f)
}

/// Room for a small answer.
const FIRST_BYTES: usize = 512;

/// UTF-8, but for halves of surrogate pairs, which never come in.
pub(crate) struct Text<'a> {
    engine: &'a Engine,
    start: *mut u8,
    length: usize,
    room: usize,
}

impl Drop for Text<'_> {
    fn drop(&mut self) {
        // SAFETY: the memory is the engine's, or there is none.
        unsafe { qjs::js_free(self.engine.ctx, self.start.cast()) };
    }
}

impl<'a> Text<'a> {
    pub(crate) fn new(engine: &'a Engine) -> Self {
        Self {
            engine,
            start: ptr::null_mut(),
            length: 0,
            room: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Makes room for so many bytes more.
    fn reserve(&mut self, count: usize) -> Result<()> {
        let needed = self.length.saturating_add(count);
        if needed <= self.room {
            return Ok(());
        }
        let room = needed.max(self.room.saturating_mul(2)).max(FIRST_BYTES);
        // SAFETY: the memory is the engine's, or there is none yet. When there is no more, it throws.
        let start = unsafe { qjs::js_realloc(self.engine.ctx, self.start.cast(), room as _) };
        if start.is_null() {
            return Err(Error::Exception);
        }
        (self.start, self.room) = (start.cast(), room);
        Ok(())
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.reserve(bytes.len())?;
        // SAFETY: there is room, and nobody else has a part of this memory.
        unsafe {
            let end = self.start.add(self.length);
            ptr::copy_nonoverlapping(bytes.as_ptr(), end, bytes.len());
        }
        self.length += bytes.len();
        Ok(())
    }

    /// Adds a part of this text once more.
    pub(crate) fn repeat(&mut self, start: usize, end: usize) -> Result<()> {
        debug_assert!(start <= end && end <= self.length, "a part of the text");
        self.reserve(end - start)?;
        // SAFETY: there is room behind the text, and the part is before it.
        unsafe {
            let target = self.start.add(self.length);
            ptr::copy_nonoverlapping(self.start.add(start), target, end - start);
        }
        self.length += end - start;
        Ok(())
    }

    pub(crate) fn integer(&mut self, number: i64) -> Result<()> {
        /// Digits and sign of the longest.
        const LONGEST: usize = 20;
        let mut digits = [0; LONGEST];
        let mut first = LONGEST;
        let mut left = number.unsigned_abs();
        loop {
            first -= 1;
            digits[first] = b'0' + (left % 10) as u8;
            left /= 10;
            if left == 0 {
                break;
            }
        }
        if number < 0 {
            first -= 1;
            digits[first] = b'-';
        }
        self.push(&digits[first..])
    }

    /// Adds a text of the engine's as it is, and releases it. Null is an exception that is pending.
    ///
    /// # Safety
    /// `text` is null, or a text of the engine's of this length.
    pub(crate) unsafe fn take(&mut self, text: *const c_char, length: usize) -> Result<()> {
        // SAFETY: as the caller says.
        unsafe { self.add(text, length, Self::push) }
    }

    /// The same in quotes, with escapes where JSON needs them.
    ///
    /// # Safety
    /// `text` is null, or a text of the engine's of this length.
    pub(crate) unsafe fn quote(&mut self, text: *const c_char, length: usize) -> Result<()> {
        // SAFETY: as the caller says.
        unsafe { self.add(text, length, Self::push_quoted) }
    }

    unsafe fn add(
        &mut self,
        text: *const c_char,
        length: usize,
        how: fn(&mut Self, &[u8]) -> Result<()>,
    ) -> Result<()> {
        if text.is_null() {
            return Err(Error::Exception);
        }
        // SAFETY: the text is alive until it is released below, and nobody changes it.
        let added = how(self, unsafe {
            slice::from_raw_parts(text.cast::<u8>(), length)
        });
        // SAFETY: it is the engine's, and was not released.
        unsafe { qjs::JS_FreeCString(self.engine.ctx, text) };
        added
    }

    fn push_quoted(&mut self, text: &[u8]) -> Result<()> {
        self.reserve(text.len() + 2)?;
        self.push(b"\"")?;
        let mut start = 0;
        while let Some(offset) = text[start..].iter().position(|byte| is_special(*byte)) {
            let at = start + offset;
            let Some((escape, length)) = escape(&text[at..]) else {
                self.push(&text[start..=at])?;
                start = at + 1;
                continue;
            };
            self.push(&text[start..at])?;
            self.push(escape.as_bytes())?;
            start = at + length;
        }
        self.push(&text[start..])?;
        self.push(b"\"")
    }

    /// The text as a value.
    pub(crate) fn to_value(&self) -> Result<qjs::JSValue> {
        // SAFETY: the text is alive, and it is copied.
        let value =
            unsafe { qjs::JS_NewStringLen(self.engine.ctx, self.start.cast(), self.length as _) };
        // SAFETY: reads the tag.
        match unsafe { qjs::JS_IsException(value) } {
            true => Err(Error::Exception),
            false => Ok(value),
        }
    }
}

/// Whether it has to be looked at: all but these stand for themselves.
fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || byte == 0xed
}

/// What stands for the beginning of this, and for how many bytes of it.
fn escape(text: &[u8]) -> Option<(String, usize)> {
    let short = |sign: &str| Some((sign.to_owned(), 1));
    match *text {
        [b'"', ..] => short("\\\""),
        [b'\\', ..] => short("\\\\"),
        [8, ..] => short("\\b"),
        [9, ..] => short("\\t"),
        [10, ..] => short("\\n"),
        [12, ..] => short("\\f"),
        [13, ..] => short("\\r"),
        [byte @ ..0x20, ..] => Some((format!("\\u{byte:04x}"), 1)),
        // Half of a surrogate pair, which UTF-8 has no word for.
        [0xed, second @ 0xa0..=0xbf, third, ..] => {
            Some((format!("\\u{:04x}", half(second, third)), 3))
        }
        _ => None,
    }
}
