//! An object's own property names, and fast maps by address and by name.
#![expect(
    unsafe_code,
    reason = "the codec is on the hot path of every call between isolates, so it uses the engine's C API"
)]

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ptr;

use rquickjs::{Error, Result, qjs};

use super::engine::Engine;

/// Addresses and atoms are spread well enough by one multiplication.
#[derive(Default)]
pub(crate) struct Multiply(u64);

impl Hasher for Multiply {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
    }
}

pub(crate) type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<Multiply>>;

/// The names of an object's own properties.
pub(crate) struct Names<'a> {
    engine: &'a Engine,
    list: *mut qjs::JSPropertyEnum,
    pub(crate) count: u32,
}

impl<'a> Names<'a> {
    /// The enumerable names of `object` that are strings.
    pub(crate) fn of(engine: &'a Engine, object: qjs::JSValue) -> Result<Self> {
        let mut names = Self {
            engine,
            list: ptr::null_mut(),
            count: 0,
        };
        let flags = (qjs::JS_GPN_STRING_MASK | qjs::JS_GPN_ENUM_ONLY) as i32;
        // SAFETY: the object is alive and both places are valid for writing.
        let status = unsafe {
            qjs::JS_GetOwnPropertyNames(
                engine.ctx,
                &raw mut names.list,
                &raw mut names.count,
                object,
                flags,
            )
        };
        if status < 0 {
            return Err(Error::Exception);
        }
        Ok(names)
    }

    pub(crate) fn atom(&self, index: u32) -> qjs::JSAtom {
        debug_assert!(index < self.count, "only existing names are asked for");
        // SAFETY: the engine filled `count` entries.
        unsafe { (*self.list.add(index as usize)).atom }
    }
}

impl Drop for Names<'_> {
    fn drop(&mut self) {
        // SAFETY: the list came from `JS_GetOwnPropertyNames`.
        unsafe { qjs::JS_FreePropertyEnum(self.engine.ctx, self.list, self.count) };
    }
}
