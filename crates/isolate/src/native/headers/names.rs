//! Names and values of headers as they are kept.
#![expect(
    unsafe_code,
    reason = "headers are on the hot path of most requests, so their names are the engine's own"
)]

use std::cell::RefCell;
use std::ptr;

use rquickjs::{Result, qjs};

use super::throw_type;
use crate::clone::{Engine, FastMap, Owned};
use crate::engine_text::{Utf8, new_text};

/// Spellings that are remembered, and how long they may be.
const MAX_KNOWN: usize = 1024;
const MAX_KNOWN_BYTES: usize = 64;

/// Spellings that were seen before, so that each is looked at once.
struct Known {
    /// Whose names they are.
    context: *mut qjs::JSContext,
    lower: FastMap<qjs::JSAtom, qjs::JSAtom>,
}

thread_local! {
    static KNOWN: RefCell<Known> = const { RefCell::new(Known { context: ptr::null_mut(), lower: FastMap::with_hasher(std::hash::BuildHasherDefault::new()) }) };
}

/// Knows nothing of an engine that may have been where the new one is.
pub(super) fn forget() {
    KNOWN.with_borrow_mut(|known| {
        known.context = ptr::null_mut();
        known.lower.clear();
    });
}

/// A name in lower case, owned.
///
/// # Errors
/// When it is none.
pub(super) fn lower(engine: &Engine, name: qjs::JSValue) -> Result<qjs::JSAtom> {
    // SAFETY: reads the tag.
    let given = match unsafe { qjs::JS_IsString(name) } {
        true => engine.duplicate(name),
        // SAFETY: the value is alive.
        false => engine.own(unsafe { qjs::JS_ToString(engine.ctx, name) })?,
    };
    // SAFETY: it is a text, and the name is released below, or kept.
    let atom = unsafe { qjs::JS_ValueToAtom(engine.ctx, given.raw()) };
    if let Some(lower) = known(engine, atom) {
        // SAFETY: what is known is alive, and the name that was made is owned.
        unsafe {
            qjs::JS_FreeAtom(engine.ctx, atom);
            return Ok(qjs::JS_DupAtom(engine.ctx, lower));
        }
    }
    let made = make(engine, atom);
    let length = Utf8::of_atom(engine, atom).map(|text| text.bytes().len());
    if let (Ok(lower), Ok(0..=MAX_KNOWN_BYTES)) = (&made, length) {
        remember(engine, atom, *lower);
    }
    // SAFETY: the name that was made is owned.
    unsafe { qjs::JS_FreeAtom(engine.ctx, atom) };
    made
}

fn make(engine: &Engine, name: qjs::JSAtom) -> Result<qjs::JSAtom> {
    let text = Utf8::of_atom(engine, name)?;
    if text.bytes().is_empty() || !text.bytes().iter().copied().all(is_token) {
        return Err(throw_type(engine, "Invalid header name."));
    }
    let lower = text.bytes().to_ascii_lowercase();
    // SAFETY: the text is alive, and it is copied.
    Ok(unsafe { qjs::JS_NewAtomLen(engine.ctx, lower.as_ptr().cast(), lower.len() as _) })
}

fn known(engine: &Engine, name: qjs::JSAtom) -> Option<qjs::JSAtom> {
    KNOWN.with_borrow(|known| {
        let is_ours = ptr::eq(known.context, engine.ctx);
        known.lower.get(&name).copied().filter(|_| is_ours)
    })
}

fn remember(engine: &Engine, name: qjs::JSAtom, lower: qjs::JSAtom) {
    KNOWN.with_borrow_mut(|known| {
        if !ptr::eq(known.context, engine.ctx) {
            known.context = engine.ctx;
            known.lower.clear();
        }
        if known.lower.len() < MAX_KNOWN {
            // SAFETY: both are alive. What is known stays as long as the engine.
            unsafe {
                qjs::JS_DupAtom(engine.ctx, name);
                qjs::JS_DupAtom(engine.ctx, lower);
            }
            known.lower.insert(name, lower);
        }
    });
}

/// A value without white space around it, owned.
///
/// # Errors
/// When it cannot be a header's.
pub(super) fn normalized(engine: &Engine, value: qjs::JSValue) -> Result<Owned<'_>> {
    // SAFETY: reads the tag.
    let given = match unsafe { qjs::JS_IsString(value) } {
        true => engine.duplicate(value),
        // SAFETY: the value is alive.
        false => engine.own(unsafe { qjs::JS_ToString(engine.ctx, value) })?,
    };
    let text = Utf8::of(engine, given.raw())?;
    let trimmed = trim(text.bytes());
    if trimmed.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
        return Err(throw_type(engine, "Invalid header value."));
    }
    if trimmed.len() < text.bytes().len() {
        return engine.own(new_text(engine, trimmed)?);
    }
    drop(text);
    Ok(given)
}

fn trim(text: &[u8]) -> &[u8] {
    let is_inner = |byte: &u8| !matches!(byte, b'\t' | b'\n' | b'\r' | b' ');
    let start = text.iter().position(is_inner).unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(is_inner)
        .map_or(start, |last| last + 1);
    &text[start..end]
}

/// What may be in a name (https://www.rfc-editor.org/rfc/rfc9110#name-tokens).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
