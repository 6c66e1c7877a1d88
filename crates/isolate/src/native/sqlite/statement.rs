//! Prepared statements.
#![expect(unsafe_code, reason = "SQLite is a C library")]

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_int, c_void};
use std::rc::Rc;

use rquickjs::qjs;
use sqlite::*;

use super::connection::Connection;
use super::error::Error;

/// Names of a statement's columns, as the engine's atoms.
pub(crate) struct Columns {
    pub(crate) atoms: Box<[qjs::JSAtom]>,
    runtime: *mut qjs::JSRuntime,
}

impl Drop for Columns {
    fn drop(&mut self) {
        for atom in &self.atoms {
            // SAFETY: each atom owns a reference in this runtime, which outlives its databases: they are closed by
            // frames that it handles, and never with the thread.
            unsafe { qjs::JS_FreeAtomRT(self.runtime, *atom) };
        }
    }
}

/// One statement, ready to be run.
pub(crate) struct Statement {
    raw: *mut sqlite3_stmt,
    connection: Rc<Connection>,
    /// What stands before it in the same text, and runs before it each time.
    pub(crate) prelude: Vec<Statement>,
    trusted: bool,
    parameters: usize,
    readonly: bool,
    in_use: Cell<bool>,
    /// With how often the statement had been compiled again when they were read.
    columns: RefCell<Option<(c_int, Rc<Columns>)>>,
    /// When it was last run, in runs of its database.
    pub(crate) last_used: Cell<u64>,
}

impl Statement {
    /// Compiles the first statement of `sql`, and says how many bytes it took. `None` when there is none.
    pub(crate) fn compile(
        connection: &Rc<Connection>,
        sql: &str,
        trusted: bool,
        keep: bool,
    ) -> Result<(Option<Self>, usize), Error> {
        let (raw, used) = connection.prepare(sql, trusted, keep)?;
        if raw.is_null() {
            return Ok((None, used));
        }
        // SAFETY: `prepare` has just made the statement.
        let (parameters, readonly) = unsafe {
            (
                sqlite3_bind_parameter_count(raw),
                sqlite3_stmt_readonly(raw) != 0,
            )
        };
        let statement = Self {
            raw,
            connection: Rc::clone(connection),
            prelude: Vec::new(),
            trusted,
            parameters: usize::try_from(parameters).unwrap_or(0),
            readonly,
            in_use: Cell::new(false),
            columns: RefCell::new(None),
            last_used: Cell::new(0),
        };
        Ok((Some(statement), used))
    }

    pub(crate) fn connection(&self) -> &Rc<Connection> {
        &self.connection
    }

    pub(crate) fn parameters(&self) -> usize {
        self.parameters
    }

    pub(crate) fn is_readonly(&self) -> bool {
        self.readonly
    }

    pub(crate) fn is_in_use(&self) -> bool {
        self.in_use.get()
    }

    /// Goes to the next row: true if there is one.
    pub(crate) fn step(&self) -> Result<bool, Error> {
        if !self.in_use.replace(true) {
            self.connection
                .running
                .set(self.connection.running.get() + 1);
        }
        self.connection.step(self.raw, self.trusted)
    }

    /// Rows read and written since the last `finish`.
    pub(crate) fn rows(&self) -> (u32, u32) {
        // SAFETY: the statement is alive.
        unsafe { (sqlite3_rows(self.raw, 0), sqlite3_rows(self.raw, 1)) }
    }

    /// Makes the statement ready for its next run.
    pub(crate) fn finish(&self) {
        // SAFETY: the statement is alive. The result repeats what `step` said.
        unsafe {
            sqlite3_reset(self.raw);
            sqlite3_reset_rows(self.raw);
            if self.parameters > 0 {
                sqlite3_clear_bindings(self.raw);
            }
        }
        self.stops();
    }

    fn stops(&self) {
        if self.in_use.replace(false) {
            self.connection
                .running
                .set(self.connection.running.get() - 1);
        }
    }

    /// Runs a statement whose rows nobody looks at.
    pub(crate) fn run(&self) -> Result<(), Error> {
        let done = self.step();
        self.finish();
        done.map(drop)
    }

    fn bound(&self, code: c_int) -> Result<(), Error> {
        if code == SQLITE_OK {
            Ok(())
        } else {
            Err(self.connection.failed(code))
        }
    }

    pub(crate) fn bind_null(&self, index: usize) -> Result<(), Error> {
        // SAFETY: the statement is alive; so for the others.
        self.bound(unsafe { sqlite3_bind_null(self.raw, place(index)) })
    }

    pub(crate) fn bind_number(&self, index: usize, value: f64) -> Result<(), Error> {
        // SAFETY: as above.
        self.bound(unsafe { sqlite3_bind_double(self.raw, place(index), value) })
    }

    pub(crate) fn bind_integer(&self, index: usize, value: i64) -> Result<(), Error> {
        // SAFETY: as above.
        self.bound(unsafe { sqlite3_bind_int64(self.raw, place(index), value) })
    }

    /// Binds a copy.
    pub(crate) fn bind_text(&self, index: usize, text: &[u8]) -> Result<(), Error> {
        // SAFETY: SQLite copies the bytes during the call.
        unsafe { self.bind_text_raw(index, text.as_ptr(), text.len(), SQLITE_TRANSIENT) }
    }

    /// Binds a copy.
    pub(crate) fn bind_bytes(&self, index: usize, bytes: &[u8]) -> Result<(), Error> {
        // SAFETY: SQLite copies the bytes during the call.
        unsafe { self.bind_bytes_raw(index, bytes.as_ptr(), bytes.len(), SQLITE_TRANSIENT) }
    }

    /// Binds text.
    ///
    /// # Safety
    /// The bytes are there, and stay until `finish` if `lifetime` says so.
    pub(crate) unsafe fn bind_text_raw(
        &self,
        index: usize,
        text: *const u8,
        bytes: usize,
        lifetime: isize,
    ) -> Result<(), Error> {
        let bytes = c_int::try_from(bytes).unwrap_or(c_int::MAX);
        // SAFETY: as the caller promised.
        self.bound(unsafe {
            sqlite3_bind_text(self.raw, place(index), text.cast(), bytes, lifetime)
        })
    }

    /// Binds bytes.
    ///
    /// # Safety
    /// As for `bind_text_raw`.
    pub(crate) unsafe fn bind_bytes_raw(
        &self,
        index: usize,
        bytes: *const u8,
        count: usize,
        lifetime: isize,
    ) -> Result<(), Error> {
        // A null pointer would be the value NULL.
        let bytes = if count == 0 {
            c"".as_ptr().cast::<c_void>()
        } else {
            bytes.cast::<c_void>()
        };
        let count = c_int::try_from(count).unwrap_or(c_int::MAX);
        // SAFETY: as the caller promised.
        self.bound(unsafe { sqlite3_bind_blob(self.raw, place(index), bytes, count, lifetime) })
    }

    /// A value of the current row.
    pub(crate) fn value(&self, index: usize) -> Datum<'_> {
        let column = c_int::try_from(index).unwrap_or(-1);
        // SAFETY: the statement is on a row. What the pointers show stays until the next step, and the borrow of
        // `self` is not held over one.
        unsafe {
            match sqlite3_column_type(self.raw, column) {
                SQLITE_INTEGER => Datum::Integer(sqlite3_column_int64(self.raw, column)),
                SQLITE_FLOAT => Datum::Number(sqlite3_column_double(self.raw, column)),
                SQLITE_TEXT => {
                    let text = sqlite3_column_text(self.raw, column);
                    Datum::Text(slice(text, sqlite3_column_bytes(self.raw, column)))
                }
                SQLITE_BLOB => {
                    let bytes = sqlite3_column_blob(self.raw, column);
                    Datum::Bytes(slice(bytes.cast(), sqlite3_column_bytes(self.raw, column)))
                }
                _ => Datum::Null,
            }
        }
    }

    /// Names of the columns.
    pub(crate) fn columns(&self, ctx: *mut qjs::JSContext) -> Rc<Columns> {
        // SAFETY: the statement and the context are alive; names are C strings that stay during the loop.
        unsafe {
            let compiled = sqlite3_stmt_status(self.raw, SQLITE_STMTSTATUS_REPREPARE, 0);
            if let Some((of, columns)) = &*self.columns.borrow()
                && *of == compiled
            {
                return Rc::clone(columns);
            }
            let atoms = (0..sqlite3_column_count(self.raw))
                .map(|column| {
                    let name = sqlite3_column_name(self.raw, column);
                    let name = if name.is_null() {
                        c""
                    } else {
                        CStr::from_ptr(name)
                    };
                    qjs::JS_NewAtomLen(ctx, name.as_ptr(), name.count_bytes() as _)
                })
                .collect();
            let columns = Rc::new(Columns {
                atoms,
                runtime: qjs::JS_GetRuntime(ctx),
            });
            *self.columns.borrow_mut() = Some((compiled, Rc::clone(&columns)));
            columns
        }
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        self.stops();
        // SAFETY: nobody else has the statement.
        unsafe { sqlite3_finalize(self.raw) };
    }
}

/// A value of a row, while the statement stays on it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Datum<'a> {
    Null,
    Integer(i64),
    Number(f64),
    Text(&'a [u8]),
    Bytes(&'a [u8]),
}

/// A value that stays.
#[derive(Clone, Debug)]
pub(crate) enum Kept {
    Null,
    Integer(i64),
    Number(f64),
    Text(Box<[u8]>),
    Bytes(Box<[u8]>),
}

impl Datum<'_> {
    pub(crate) fn keep(self) -> Kept {
        match self {
            Self::Null => Kept::Null,
            Self::Integer(value) => Kept::Integer(value),
            Self::Number(value) => Kept::Number(value),
            Self::Text(text) => Kept::Text(text.into()),
            Self::Bytes(bytes) => Kept::Bytes(bytes.into()),
        }
    }
}

impl Kept {
    pub(crate) fn show(&self) -> Datum<'_> {
        match self {
            Self::Null => Datum::Null,
            Self::Integer(value) => Datum::Integer(*value),
            Self::Number(value) => Datum::Number(*value),
            Self::Text(text) => Datum::Text(text),
            Self::Bytes(bytes) => Datum::Bytes(bytes),
        }
    }
}

/// Parameters are counted from 1.
fn place(index: usize) -> c_int {
    c_int::try_from(index + 1).unwrap_or(c_int::MAX)
}

/// # Safety
/// `bytes` is null, or shows `count` bytes that stay for the lifetime.
unsafe fn slice<'a>(bytes: *const u8, count: c_int) -> &'a [u8] {
    if bytes.is_null() {
        return &[];
    }
    // SAFETY: as the caller promised.
    unsafe { std::slice::from_raw_parts(bytes, usize::try_from(count).unwrap_or(0)) }
}
