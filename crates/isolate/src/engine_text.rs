//! Text that grows in the engine's memory, so that it counts for the isolate's limit.
#![expect(
    unsafe_code,
    reason = "its memory is the engine's, and so are the texts that it takes"
)]

use std::ffi::c_char;
use std::{ptr, slice};

use rquickjs::{Error, Result, qjs};

use crate::clone::Engine;

/// Room for a small answer.
const FIRST_BYTES: usize = 512;

/// UTF-8, but for halves of surrogate pairs, which never come in.
pub(super) struct Text<'a> {
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
    pub(super) fn new(engine: &'a Engine) -> Self {
        Self {
            engine,
            start: ptr::null_mut(),
            length: 0,
            room: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
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

    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<()> {
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
    pub(super) fn repeat(&mut self, start: usize, end: usize) -> Result<()> {
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

    pub(super) fn integer(&mut self, number: i64) -> Result<()> {
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
    pub(super) unsafe fn take(&mut self, text: *const c_char, length: usize) -> Result<()> {
        // SAFETY: as the caller says.
        unsafe { self.add(text, length, Self::push) }
    }

    /// The same in quotes, with escapes where JSON needs them.
    ///
    /// # Safety
    /// `text` is null, or a text of the engine's of this length.
    pub(super) unsafe fn quote(&mut self, text: *const c_char, length: usize) -> Result<()> {
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
    pub(super) fn to_value(&self) -> Result<qjs::JSValue> {
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
            let unit = 0xd000 | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f);
            Some((format!("\\u{unit:04x}"), 3))
        }
        _ => None,
    }
}
