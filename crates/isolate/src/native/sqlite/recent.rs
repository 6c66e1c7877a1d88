//! Statements by the very string that they were last asked with.
//!
//! Code that runs a query again and again mostly passes the same string object. The engine shows the bytes of such a
//! string in place, so their address tells which statement is meant, without a look at the text.
#![expect(
    unsafe_code,
    reason = "the engine's strings are held through its own functions"
)]

use std::cell::RefCell;
use std::ffi::c_char;
use std::rc::Rc;

use rquickjs::qjs;

use super::statement::Statement;

/// Strings that are remembered, and the longest.
const ENTRIES: usize = 16;
const MAX_BYTES: usize = 4096;

struct Entry {
    ctx: *mut qjs::JSContext,
    /// Held, so that no other string can come to lie here.
    text: *const c_char,
    statement: Rc<Statement>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        // SAFETY: the reference was given to this entry. The context outlives its databases: they are closed by frames
        // that it handles, and never with the thread.
        unsafe { qjs::JS_FreeCString(self.ctx, self.text) };
    }
}

#[derive(Default)]
pub(crate) struct Recent {
    entries: RefCell<[Option<Entry>; ENTRIES]>,
}

fn place(text: *const c_char) -> usize {
    // Blocks of memory begin at multiples of 16.
    (text as usize >> 4) % ENTRIES
}

impl Recent {
    /// The statement that was last run with the string whose bytes are at `text`, unless it is running.
    pub(crate) fn find(&self, text: *const c_char) -> Option<Rc<Statement>> {
        let entries = self.entries.borrow();
        let entry = entries[place(text)].as_ref()?;
        (entry.text == text && !entry.statement.is_in_use()).then(|| Rc::clone(&entry.statement))
    }

    /// Remembers the statement of a string, from `JS_ToCStringLen2`. Says whether it has taken over the reference.
    pub(crate) fn keep(
        &self,
        ctx: *mut qjs::JSContext,
        text: *const c_char,
        bytes: &[u8],
        statement: &Rc<Statement>,
    ) -> bool {
        // Other strings are shown as copies.
        if bytes.len() > MAX_BYTES || !bytes.is_ascii() || !statement.prelude.is_empty() {
            return false;
        }
        let entry = Entry {
            ctx,
            text,
            statement: Rc::clone(statement),
        };
        let old = self.entries.borrow_mut()[place(text)].replace(entry);
        drop(old);
        true
    }

    pub(crate) fn clear(&self) {
        drop(self.entries.take());
    }
}
