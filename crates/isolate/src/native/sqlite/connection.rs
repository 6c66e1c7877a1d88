//! One connection of SQLite: its limits, its rules, and the transaction that holds a turn's writes.
#![expect(unsafe_code, reason = "SQLite is a C library")]

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::rc::Rc;
use std::sync::Once;

use sqlite::*;

use super::authorizer::{TRANSACTIONS, is_allowed, is_setting};
use super::error::Error;
use super::pages::{Pages, WriteError};
use super::{file_system, limited, memory};
use crate::cpu;

/// Memory for small things that each connection has beside the heap.
const LOOKASIDE_BYTES: c_int = 512;
const LOOKASIDE_SLOTS: c_int = 24;
/// What a conflict means for the object whose statement answers it with a rollback.
const ROLLED_BACK: &str = "Durable Object was reset and rolled back to its last known good state because a conflict rolled \
back everything that it had written: ";
/// Steps of SQLite's machine between two looks at the clock.
const PROGRESS_STEPS: c_int = 10_000;

/// Workers' limits, of `sqlite3_limit`.
const LIMITS: &[(c_int, c_int)] = &[
    (SQLITE_LIMIT_LENGTH, 16 * 1024 * 1024),
    (SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (SQLITE_LIMIT_COLUMN, 100),
    (SQLITE_LIMIT_EXPR_DEPTH, 100),
    (SQLITE_LIMIT_COMPOUND_SELECT, 5),
    (SQLITE_LIMIT_VDBE_OP, 25_000),
    (SQLITE_LIMIT_FUNCTION_ARG, 127),
    (SQLITE_LIMIT_ATTACHED, 0),
    (SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
    (SQLITE_LIMIT_VARIABLE_NUMBER, 100),
    (SQLITE_LIMIT_TRIGGER_DEPTH, 10),
    (SQLITE_LIMIT_WORKER_THREADS, 0),
];

/// When code of the current event has to stop, and whether it was stopped.
#[derive(Clone, Default)]
pub(crate) struct Watch {
    pub(crate) deadline_us: Rc<Cell<u64>>,
    pub(crate) interrupted: Rc<Cell<bool>>,
}

thread_local! {
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

/// Stops statements when the engine's code would be stopped.
pub(crate) fn watch(watch: Watch) {
    WATCH.set(Some(watch));
}

/// Starts the library, once in a process. It costs what the zygote should pay for all isolates.
pub(crate) fn initialize() {
    static START: Once = Once::new();
    START.call_once(|| {
        let methods = memory::METHODS;
        // SAFETY: nothing else uses this copy of the library yet; it copies the methods, and the file system lives for
        // ever.
        unsafe {
            let configured = sqlite3_config(SQLITE_CONFIG_MALLOC, &raw const methods);
            let started = sqlite3_initialize();
            let registered = sqlite3_vfs_register(file_system::make(), 1);
            assert_eq!(
                (configured, started, registered),
                (SQLITE_OK, SQLITE_OK, SQLITE_OK),
                "SQLite starts in a fresh process"
            );
        }
    });
}

/// An open connection.
pub(crate) struct Connection {
    db: *mut sqlite3,
    pages: Rc<RefCell<Pages>>,
    /// The runtime's own statements may do everything.
    trusted: Cell<bool>,
    /// Why the last statement was refused, when SQLite's words are not the ones.
    refusal: Cell<Option<&'static str>>,
    /// Why statements that are left over may go no further.
    closed: RefCell<Option<String>>,
    /// An error ended the transaction with all that was written in it.
    broken: RefCell<Option<String>>,
    /// The turn's transaction was begun and not ended from this side.
    writing: Cell<bool>,
    begin: Cell<*mut sqlite3_stmt>,
    commit: Cell<*mut sqlite3_stmt>,
    /// Statements that are between their first row and their end.
    pub(crate) running: Cell<usize>,
    /// A worker has given it settings of its own.
    is_set: Cell<bool>,
}

impl Connection {
    pub(crate) fn open(pages: Rc<RefCell<Pages>>, max_pages: u32) -> Result<Rc<Self>, Error> {
        initialize();
        file_system::open_next(Rc::clone(&pages));
        let mut db = ptr::null_mut();
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
        // SAFETY: the names are C strings, and `db` takes the connection, which exists even after most errors.
        let opened = unsafe {
            sqlite3_randomness(0, ptr::null_mut());
            sqlite3_open_v2(
                file_system::DATABASE.as_ptr(),
                &raw mut db,
                flags,
                c"atoll".as_ptr(),
            )
        };
        file_system::open_none();
        if db.is_null() {
            return Err(Error::new("out of memory: SQLITE_NOMEM"));
        }
        let connection = Rc::new(Self {
            db,
            pages,
            trusted: Cell::new(true),
            refusal: Cell::new(None),
            closed: RefCell::new(None),
            broken: RefCell::new(None),
            writing: Cell::new(false),
            begin: Cell::new(ptr::null_mut()),
            commit: Cell::new(ptr::null_mut()),
            running: Cell::new(0),
            is_set: Cell::new(false),
        });
        if opened != SQLITE_OK {
            return Err(Error::of(db, opened));
        }
        let this = Rc::as_ptr(&connection).cast_mut().cast::<c_void>();
        // SAFETY: the connection is open, and the callbacks get a pointer that outlives it: it is closed by `drop`.
        unsafe {
            sqlite3_db_config(
                db,
                SQLITE_DBCONFIG_LOOKASIDE,
                ptr::null_mut::<c_void>(),
                LOOKASIDE_BYTES,
                LOOKASIDE_SLOTS,
            );
            sqlite3_db_config(
                db,
                SQLITE_DBCONFIG_DEFENSIVE,
                1 as c_int,
                ptr::null_mut::<c_int>(),
            );
            sqlite3_set_authorizer(db, Some(authorize), this);
            sqlite3_progress_handler(db, PROGRESS_STEPS, Some(progress), ptr::null_mut());
        }
        connection.run("PRAGMA journal_mode = MEMORY")?;
        connection.run(&format!("PRAGMA max_page_count = {max_pages}"))?;
        for (limit, value) in LIMITS {
            // SAFETY: the connection is open.
            unsafe { sqlite3_limit(db, *limit, *value) };
        }
        Ok(connection)
    }

    /// Compiles the first statement of `sql`; says how many bytes it took. No statement at all is null.
    pub(crate) fn prepare(
        &self,
        sql: &str,
        trusted: bool,
        keep: bool,
    ) -> Result<(*mut sqlite3_stmt, usize), Error> {
        let prepared = self.prepare_plain(sql, trusted, keep);
        if let Err(error) = &prepared
            && error.is_syntax()
            && let Some(plain) = limited::rewrite(sql, "rowid")
        {
            let mut again = self.prepare_plain(&plain.sql, trusted, keep);
            if let Err(error) = &again
                && error.message.starts_with("no such column: rowid")
                && let Some(key) = self.primary_key(&plain.table)?
                && let Some(plain) = limited::rewrite(sql, &key)
            {
                again = self.prepare_plain(&plain.sql, trusted, keep);
            }
            match again {
                Ok((statement, _)) => return Ok((statement, plain.used)),
                Err(error) if !error.is_syntax() => return Err(error),
                Err(_) => {}
            }
        }
        prepared
    }

    /// The columns of a table's primary key, between commas. `table` is its name as SQL text.
    fn primary_key(&self, table: &str) -> Result<Option<String>, Error> {
        let sql = format!(
            "SELECT group_concat(name) FROM (SELECT '\"' || replace(name, '\"', '\"\"') || '\"' AS name \
             FROM pragma_table_info({table}) WHERE pk > 0 ORDER BY pk)"
        );
        let (statement, _) = self.prepare_plain(&sql, true, false)?;
        let mut key = None;
        if self.step(statement, true)? {
            // SAFETY: the statement is on a row, and the text stays until it is finalized below.
            let text = unsafe { sqlite3_column_text(statement, 0) };
            if !text.is_null() {
                // SAFETY: SQLite ends its texts with a zero.
                let text = unsafe { CStr::from_ptr(text.cast()) };
                key = Some(text.to_string_lossy().into_owned());
            }
        }
        // SAFETY: the statement is this connection's, and used no more.
        unsafe { sqlite3_finalize(statement) };
        Ok(key)
    }

    fn prepare_plain(
        &self,
        sql: &str,
        trusted: bool,
        keep: bool,
    ) -> Result<(*mut sqlite3_stmt, usize), Error> {
        self.trusted.set(trusted);
        let Ok(bytes) = c_int::try_from(sql.len()) else {
            return Err(Error::new("statement too long: SQLITE_TOOBIG"));
        };
        let (mut statement, mut tail) = (ptr::null_mut(), ptr::null());
        // SAFETY: the connection is open, the text is `bytes` long, and both results have their places.
        let code = unsafe {
            sqlite3_prepare_v3(
                self.db,
                sql.as_ptr().cast(),
                bytes,
                if keep { 1 } else { 0 },
                &raw mut statement,
                &raw mut tail,
            )
        };
        if code != SQLITE_OK {
            return Err(match self.refusal.take() {
                Some(refusal) => Error::new(refusal),
                None => self.failed(code),
            });
        }
        let used = if tail.is_null() {
            sql.len()
        } else {
            tail as usize - sql.as_ptr() as usize
        };
        Ok((statement, used))
    }

    /// Goes on with a statement: true for a row, false at its end.
    ///
    /// The statement belongs to this connection.
    pub(crate) fn step(&self, statement: *mut sqlite3_stmt, trusted: bool) -> Result<bool, Error> {
        self.check()?;
        // A statement may be compiled again in its first step, after a change of the schema.
        self.trusted.set(trusted);
        // SAFETY: the statement belongs to this open connection.
        match unsafe { sqlite3_step(statement) } {
            SQLITE_ROW => Ok(true),
            SQLITE_DONE => Ok(false),
            code => Err(self.failed(code)),
        }
    }

    /// The error of a call on this connection. Notes when it ended the transaction.
    pub(crate) fn failed(&self, code: c_int) -> Error {
        let mut error = Error::of(self.db, code);
        self.refusal.set(None);
        if let Some(WriteError::Unsaved) = self.pages.borrow_mut().take_refusal() {
            error.message = "too much was written before it could be saved to disk (64 MiB in all objects of this \
                             process); write less at once, or wait in between: SQLITE_FULL"
                .to_owned();
        }
        // Full disks and the like end the transaction, and so do statements that say ROLLBACK of a conflict.
        if self.writing.get() && !self.is_writing() && self.broken.borrow().is_none() {
            let why = match code & 0xff {
                SQLITE_CONSTRAINT => format!("{ROLLED_BACK}{}", error.message),
                _ => error.message.clone(),
            };
            self.close(&why);
            *self.broken.borrow_mut() = Some(why);
        }
        error
    }

    /// Whether another connection could take the place of this one.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.get() == 0
            && !self.is_set.get()
            && !self.is_writing()
            && self.broken.borrow().is_none()
    }

    /// Gives up pages that can be read again.
    pub(crate) fn shrink(&self) {
        // SAFETY: the connection is open.
        unsafe { sqlite3_db_release_memory(self.db) };
    }

    /// Whether a transaction is open.
    pub(crate) fn is_writing(&self) -> bool {
        // SAFETY: the connection is open.
        unsafe { sqlite3_get_autocommit(self.db) == 0 }
    }

    /// Fails when the connection may not be used.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match &*self.closed.borrow() {
            Some(reason) => Err(Error::new(reason.clone())),
            None => Ok(()),
        }
    }

    /// Ends the use of statements that somebody still holds.
    pub(crate) fn close(&self, reason: &str) {
        *self.closed.borrow_mut() = Some(reason.to_owned());
    }

    /// What made the transaction end before its time.
    pub(crate) fn broken(&self) -> Option<String> {
        self.broken.borrow().clone()
    }

    /// Begins the turn's transaction unless it is open.
    pub(crate) fn begin(&self) -> Result<(), Error> {
        if self.is_writing() {
            return Ok(());
        }
        if let Some(why) = self.broken() {
            return Err(Error::new(why));
        }
        self.run_kept(&self.begin, "BEGIN")?;
        self.writing.set(true);
        Ok(())
    }

    /// Commits the turn's transaction, if one is open.
    pub(crate) fn commit(&self) -> Result<(), Error> {
        if !self.is_writing() {
            return Ok(());
        }
        self.run_kept(&self.commit, "COMMIT")?;
        self.writing.set(false);
        Ok(())
    }

    /// Gives up the turn's transaction, if one is open.
    pub(crate) fn roll_back(&self) {
        if self.is_writing() {
            // Nothing is left to be done about a failure: the pages forget the turn in any case.
            drop(self.run("ROLLBACK"));
        }
        self.writing.set(false);
    }

    fn run_kept(&self, slot: &Cell<*mut sqlite3_stmt>, sql: &str) -> Result<(), Error> {
        if slot.get().is_null() {
            slot.set(self.prepare(sql, true, true)?.0);
        }
        let done = self.step(slot.get(), true);
        // SAFETY: the statement is this connection's.
        unsafe { sqlite3_reset(slot.get()) };
        done.map(drop)
    }

    /// Runs one statement of the runtime's own, to its end.
    pub(crate) fn run(&self, sql: &str) -> Result<(), Error> {
        let (statement, _) = self.prepare(sql, true, false)?;
        let mut done = self.step(statement, true);
        while let Ok(true) = done {
            done = self.step(statement, true);
        }
        // SAFETY: the statement is this connection's, and used no more.
        unsafe { sqlite3_finalize(statement) };
        done.map(drop)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: every statement that was handed out holds this connection, so only these two are left; finalizing
        // null does nothing.
        unsafe {
            sqlite3_finalize(self.begin.get());
            sqlite3_finalize(self.commit.get());
            sqlite3_close_v2(self.db);
        }
    }
}

unsafe extern "C" fn progress(_: *mut c_void) -> c_int {
    WATCH.with_borrow(|watch| {
        let Some(watch) = watch else { return 0 };
        let over = cpu::used_us() > watch.deadline_us.get();
        if over {
            watch.interrupted.set(true);
        }
        c_int::from(over)
    })
}

unsafe extern "C" fn authorize(
    connection: *mut c_void,
    action: c_int,
    first: *const c_char,
    second: *const c_char,
    database: *const c_char,
    _trigger: *const c_char,
) -> c_int {
    // SAFETY: `open` gave this pointer, and a connection that compiles a statement is alive.
    let connection = unsafe { &*connection.cast::<Connection>() };
    if connection.trusted.get() {
        return SQLITE_OK;
    }
    if matches!(action, SQLITE_TRANSACTION | SQLITE_SAVEPOINT) {
        connection.refusal.set(Some(TRANSACTIONS));
        return SQLITE_DENY;
    }
    let text = |text: *const c_char| {
        // SAFETY: SQLite gives C strings, or null, that live during the call.
        (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy())
    };
    let (first, second, database) = (text(first), text(second), text(database));
    if action == SQLITE_PRAGMA && second.is_some() && first.as_deref().is_some_and(is_setting) {
        connection.is_set.set(true);
    }
    if is_allowed(
        action,
        first.as_deref(),
        second.as_deref(),
        database.as_deref(),
    ) {
        SQLITE_OK
    } else {
        SQLITE_DENY
    }
}
