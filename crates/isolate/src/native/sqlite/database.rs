//! One object's database, and what happens to it in a turn.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::c_char;
use std::rc::Rc;

use protocol::pages::PAGE_BYTES;
use rquickjs::qjs;

use super::connection::Connection;
use super::error::Error;
use super::key_values::KeyValues;
use super::pages::Pages;
use super::recent::Recent;
use super::statement::{Datum, Statement};

/// Text of all statements that a database keeps prepared, in bytes (Workers: 1 MiB).
const MAX_CACHED_BYTES: usize = 1024 * 1024;
/// Statements that a database keeps prepared: each has some kilobytes of SQLite's memory.
const MAX_CACHED: usize = 256;

/// What a commit that failed means for the object.
const CONSTRAINTS: &str = "Durable Object was reset and rolled back to its last known good state because the application \
left the database in a state where constraints were violated: ";

/// What code is told that wants to change what it may only look at.
const READ_ONLY: &str = "attempt to write a readonly database: SQLITE_READONLY";

thread_local! {
    /// Databases with writes or a new alarm in this turn.
    static CHANGED: RefCell<Vec<Rc<Database>>> = const { RefCell::new(Vec::new()) };
    /// Counts uses of databases.
    static USES: Cell<u64> = const { Cell::new(0) };
}

/// Takes the databases that have something to commit.
pub(crate) fn take_changed() -> Vec<Rc<Database>> {
    CHANGED.with_borrow_mut(std::mem::take)
}

/// Whether there are any.
pub(crate) fn is_any_changed() -> bool {
    CHANGED.with_borrow(|changed| !changed.is_empty())
}

#[derive(Default)]
struct Cache {
    statements: HashMap<Box<str>, Rc<Statement>>,
    bytes: usize,
    runs: u64,
}

/// An alarm, as the code of the turn sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Alarm {
    at_ms: Option<f64>,
    changed: bool,
}

/// What a turn did to an object.
#[derive(Debug)]
pub(crate) struct Committed {
    /// 1, 2, … since the database was opened.
    pub(crate) number: u64,
    /// Pages of the database after it.
    pub(crate) page_count: u32,
    /// Page changes for `protocol::pages::changes`, each part for itself, at most about 8 MiB long.
    pub(crate) changes: Vec<Vec<u8>>,
    /// The new alarm, if the turn set or deleted it.
    pub(crate) alarm: Option<Option<f64>>,
}

/// The storage of one object.
pub(crate) struct Database {
    pub(crate) object: u32,
    max_pages: u32,
    /// It is only to be looked at.
    read_only: Cell<bool>,
    pages: Rc<RefCell<Pages>>,
    connection: RefCell<Option<Rc<Connection>>>,
    cache: RefCell<Cache>,
    recent: Recent,
    pub(crate) key_values: KeyValues,
    alarm: Cell<Alarm>,
    committed_alarm: Cell<Option<f64>>,
    /// Code has set or deleted the alarm since the object was opened or its alarm rang.
    alarm_touched: Cell<bool>,
    /// The alarm that is being handled, while code has not touched it.
    ringing: Cell<Option<f64>>,
    /// Open explicit transactions, each with the alarm before it.
    savepoints: RefCell<Vec<Alarm>>,
    listed: Cell<bool>,
    /// When it was last used, as the thread counts.
    used: Cell<u64>,
    /// Why this database may be used no more.
    closed: RefCell<Option<String>>,
}

impl Database {
    pub(crate) fn new(
        object: u32,
        pages: Rc<RefCell<Pages>>,
        max_pages: u32,
        alarm: Option<f64>,
    ) -> Rc<Self> {
        Rc::new(Self {
            object,
            max_pages,
            read_only: Cell::new(false),
            pages,
            connection: RefCell::new(None),
            cache: RefCell::default(),
            recent: Recent::default(),
            key_values: KeyValues::default(),
            alarm: Cell::new(Alarm {
                at_ms: alarm,
                changed: false,
            }),
            committed_alarm: Cell::new(alarm),
            alarm_touched: Cell::new(false),
            ringing: Cell::new(None),
            savepoints: RefCell::default(),
            listed: Cell::new(false),
            used: Cell::new(0),
            closed: RefCell::new(None),
        })
    }

    pub(crate) fn pages(&self) -> &Rc<RefCell<Pages>> {
        &self.pages
    }

    /// The same database for a new instance of the object, as the last commit left it. This one can no longer be used.
    pub(crate) fn renew(&self, reason: &str) -> Rc<Self> {
        self.close(reason);
        let new = Self::new(
            self.object,
            Rc::clone(&self.pages),
            self.max_pages,
            self.committed_alarm.get(),
        );
        new.read_only.set(self.read_only.get());
        new
    }

    /// Ends the use of this database; what is not committed is gone.
    pub(crate) fn close(&self, reason: &str) {
        self.closed
            .borrow_mut()
            .get_or_insert_with(|| reason.to_owned());
        self.disconnect(reason);
        self.pages.borrow_mut().roll_back();
    }

    /// Gives up the connection and everything that stands on it.
    fn disconnect(&self, reason: &str) {
        let connection = self.connection.borrow_mut().take();
        if let Some(connection) = connection {
            connection.roll_back();
            connection.close(reason);
        }
        self.key_values.clear();
        self.recent.clear();
        drop(self.cache.take());
    }

    /// When it was last used, as the thread counts.
    pub(crate) fn last_used(&self) -> u64 {
        self.used.get()
    }

    /// Gives up the memory of the connection, as far as nothing is lost by it. The next use makes another one.
    pub(crate) fn hibernate(&self) {
        let Some(connection) = self.connection.borrow().clone() else {
            return;
        };
        if connection.is_idle() && self.depth() == 0 {
            self.disconnect("");
        } else {
            connection.shrink();
        }
    }

    /// Fails when the database may not be used.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.used.set(USES.replace(USES.get() + 1));
        match &*self.closed.borrow() {
            Some(reason) => Err(Error::new(reason.clone())),
            None => Ok(()),
        }
    }

    /// From now on it is only to be looked at.
    pub(crate) fn make_read_only(&self) {
        self.read_only.set(true);
    }

    fn check_writable(&self) -> Result<(), Error> {
        match self.read_only.get() {
            true => Err(Error::new(READ_ONLY)),
            false => Ok(()),
        }
    }

    pub(crate) fn connection(&self) -> Result<Rc<Connection>, Error> {
        self.check()?;
        let mut slot = self.connection.borrow_mut();
        if let Some(connection) = &*slot {
            return Ok(Rc::clone(connection));
        }
        let connection = Connection::open(Rc::clone(&self.pages), self.max_pages)?;
        Ok(Rc::clone(slot.insert(connection)))
    }

    /// Sees to it that the end of the turn looks at this database.
    fn list(self: &Rc<Self>) {
        if !self.listed.replace(true) {
            CHANGED.with_borrow_mut(|changed| changed.push(Rc::clone(self)));
        }
    }

    /// Begins the turn's transaction.
    pub(crate) fn begin(self: &Rc<Self>) -> Result<(), Error> {
        self.check_writable()?;
        self.connection()?.begin()?;
        self.list();
        Ok(())
    }

    /// The statement that was last run with the string whose bytes are at `text`, if it can be run again.
    pub(crate) fn recent(&self, text: *const c_char) -> Option<Rc<Statement>> {
        let statement = self.recent.find(text)?;
        self.used.set(USES.replace(USES.get() + 1));
        let mut cache = self.cache.borrow_mut();
        cache.runs += 1;
        statement.last_used.set(cache.runs);
        Some(statement)
    }

    /// Remembers which string a statement was run with. Says whether the reference to `text` was taken over.
    pub(crate) fn keep_recent(
        &self,
        ctx: *mut qjs::JSContext,
        text: *const c_char,
        bytes: &[u8],
        statement: &Rc<Statement>,
    ) -> bool {
        // One that nobody else keeps was made because another run of the query goes on.
        Rc::strong_count(statement) > 1 && self.recent.keep(ctx, text, bytes, statement)
    }

    /// A statement for `sql`: one that is kept, unless that one is running.
    pub(crate) fn statement(self: &Rc<Self>, sql: &str) -> Result<Rc<Statement>, Error> {
        let known = {
            let mut cache = self.cache.borrow_mut();
            cache.runs += 1;
            let known = cache.statements.get(sql).cloned();
            if let Some(statement) = &known {
                statement.last_used.set(cache.runs);
            }
            known
        };
        if let Some(statement) = known {
            self.check()?;
            if statement.is_in_use() {
                return Ok(Rc::new(self.compile(sql, false)?));
            }
            for before in &statement.prelude {
                if !before.is_readonly() {
                    self.begin()?;
                }
                before.run()?;
            }
            return Ok(statement);
        }
        let statement = Rc::new(self.compile(sql, true)?);
        let mut cache = self.cache.borrow_mut();
        statement.last_used.set(cache.runs);
        cache.bytes += sql.len();
        cache.statements.insert(sql.into(), Rc::clone(&statement));
        if cache.bytes > MAX_CACHED_BYTES || cache.statements.len() > MAX_CACHED {
            cache.shrink();
        }
        Ok(statement)
    }

    /// Compiles `sql`, and runs all its statements but the last.
    fn compile(self: &Rc<Self>, sql: &str, keep: bool) -> Result<Statement, Error> {
        let connection = self.connection()?;
        let (mut rest, mut prelude) = (sql, Vec::new());
        loop {
            let (statement, used) = Statement::compile(&connection, rest, false, keep)?;
            let mut statement =
                statement.ok_or_else(|| Error::new("SQL code did not contain a statement."))?;
            let white = [' ', '\t', '\n', '\r', '\u{b}', '\u{c}'];
            rest = rest
                .get(used..)
                .unwrap_or_default()
                .trim_start_matches(white);
            if rest.is_empty() {
                statement.prelude = prelude;
                return Ok(statement);
            }
            if statement.parameters() > 0 {
                return Err(Error::new(
                    "When executing multiple SQL statements in a single call, only the last statement can have \
                     parameters.",
                ));
            }
            if !statement.is_readonly() {
                self.begin()?;
            }
            statement.run()?;
            prelude.push(statement);
        }
    }

    /// Opens a transaction inside the turn's. Gives the number of those that are open with it.
    pub(crate) fn savepoint(self: &Rc<Self>) -> Result<usize, Error> {
        self.begin()?;
        self.connection()?.run("SAVEPOINT nested")?;
        self.savepoints.borrow_mut().push(self.alarm.get());
        Ok(self.depth())
    }

    /// Ends the innermost transaction, and keeps what it did.
    pub(crate) fn release(&self) -> Result<(), Error> {
        if self.savepoints.borrow_mut().pop().is_none() {
            return Ok(());
        }
        let connection = self.connection()?;
        if connection.broken().is_some() {
            return Err(Error::new(
                "Cannot commit transaction due to an earlier SQL critical error",
            ));
        }
        connection.run("RELEASE nested")
    }

    /// Ends the innermost transaction as if it had not been.
    pub(crate) fn roll_back_to(&self) -> Result<(), Error> {
        let Some(alarm) = self.savepoints.borrow_mut().pop() else {
            return Ok(());
        };
        let connection = self.connection()?;
        self.key_values.forget_table();
        if connection.broken().is_some() {
            return Ok(());
        }
        self.alarm.set(alarm);
        connection.run("ROLLBACK TO nested")?;
        connection.run("RELEASE nested")
    }

    /// Explicit transactions that are open.
    pub(crate) fn depth(&self) -> usize {
        self.savepoints.borrow().len()
    }

    /// Bytes of the pages that are in use.
    pub(crate) fn size(&self) -> Result<f64, Error> {
        const SIZE: &str =
            "SELECT (SELECT * FROM pragma_page_count) - (SELECT * FROM pragma_freelist_count)";
        let (statement, _) = Statement::compile(&self.connection()?, SIZE, true, false)?;
        let statement = statement.expect("the text above is a statement");
        statement.step()?;
        Ok(match statement.value(0) {
            Datum::Integer(pages) => pages as f64 * PAGE_BYTES as f64,
            _ => 0.0,
        })
    }

    pub(crate) fn alarm(&self) -> Option<f64> {
        self.alarm.get().at_ms
    }

    pub(crate) fn set_alarm(self: &Rc<Self>, at_ms: Option<f64>) -> Result<(), Error> {
        self.check()?;
        self.check_writable()?;
        self.alarm_touched.set(true);
        self.ringing.set(None);
        self.alarm.set(Alarm {
            at_ms,
            changed: true,
        });
        self.list();
        Ok(())
    }

    /// The alarm for `scheduled_ms` is about to be handled: it is not set any more, and that is no change that code
    /// made. False when code has deleted or moved it since the host let it ring.
    pub(crate) fn alarm_rings(&self, scheduled_ms: f64) -> bool {
        let at_ms = self.alarm.get().at_ms;
        if self.alarm_touched.get() && at_ms.is_none_or(|at_ms| at_ms > scheduled_ms) {
            return false;
        }
        self.alarm_touched.set(false);
        self.ringing.set(at_ms.or(Some(scheduled_ms)));
        self.alarm.set(Alarm::default());
        self.committed_alarm.set(None);
        true
    }

    /// The alarm has been handled. One that was not, and that code has not touched meanwhile, is still set.
    pub(crate) fn alarm_rang(&self, handled: bool) {
        if let Some(at_ms) = self.ringing.take().filter(|_| !handled) {
            self.alarm.set(Alarm {
                at_ms: Some(at_ms),
                changed: false,
            });
            self.committed_alarm.set(Some(at_ms));
        }
    }

    /// Gives up the alarm that is being handled, unless code has set or deleted it since. The turn's writes are undone
    /// before, but for a turn that has `told` of them.
    pub(crate) fn abandon_alarm(self: &Rc<Self>, told: bool) -> Option<Result<Committed, String>> {
        self.ringing.take()?;
        if !told {
            self.disconnect("The Durable Object was reset.");
            self.savepoints.borrow_mut().clear();
            self.pages.borrow_mut().roll_back();
        }
        self.alarm.set(Alarm {
            at_ms: None,
            changed: true,
        });
        self.list();
        self.commit_now()
    }

    /// Whether something is written that no commit has.
    pub(crate) fn is_pending(&self) -> bool {
        self.listed.get()
    }

    /// Commits what was written in the turn so far, but for transactions that are under way.
    pub(crate) fn commit_now(self: &Rc<Self>) -> Option<Result<Committed, String>> {
        if !self.listed.get() {
            return None;
        }
        while self.depth() > 0 {
            // A transaction that cannot be undone has broken the connection, which the commit below tells.
            drop(self.roll_back_to());
        }
        CHANGED.with_borrow_mut(|changed| changed.retain(|other| !Rc::ptr_eq(other, self)));
        self.commit()
    }

    /// Empties the database.
    pub(crate) fn wipe(self: &Rc<Self>) -> Result<(), Error> {
        self.check()?;
        if self.depth() > 0 {
            return Err(Error::new("Cannot call deleteAll() within a transaction"));
        }
        self.disconnect("SQLite query was canceled because the database was deleted.");
        self.pages.borrow_mut().wipe();
        self.list();
        Ok(())
    }

    /// Commits what was written. `None` when it did nothing after all, or an explicit transaction goes on.
    ///
    /// # Errors
    /// Why the object has to be reset. Nothing of the turn is left then.
    pub(crate) fn commit(self: &Rc<Self>) -> Option<Result<Committed, String>> {
        self.listed.set(false);
        if self.closed.borrow().is_some() {
            return None;
        }
        let connection = self.connection.borrow().clone();
        let broken = connection.as_ref().and_then(|it| it.broken());
        if broken.is_none() && self.depth() > 0 {
            self.list();
            return None;
        }
        let alarm = self.alarm.get();
        let done = match (broken, connection) {
            (Some(why), _) => Err(why),
            (None, Some(connection)) => connection.commit().map_err(|error| {
                if error.message.contains("SQLITE_CONSTRAINT") {
                    format!("{CONSTRAINTS}{}", error.message)
                } else {
                    error.message
                }
            }),
            (None, None) => Ok(()),
        };
        let committed = done.and_then(|()| {
            self.pages
                .borrow_mut()
                .commit(alarm.changed)
                .map_err(|error| format!("the object's database cannot be read: {error}"))
        });
        match committed {
            Ok(None) => None,
            Ok(Some(pages)) => {
                self.committed_alarm.set(alarm.at_ms);
                self.alarm.set(Alarm {
                    at_ms: alarm.at_ms,
                    changed: false,
                });
                Some(Ok(Committed {
                    number: pages.number,
                    page_count: pages.page_count,
                    changes: pages.parts,
                    alarm: alarm.changed.then_some(alarm.at_ms),
                }))
            }
            Err(why) => {
                self.close(&why);
                Some(Err(why))
            }
        }
    }
}

impl Cache {
    /// Drops the half that was used longest ago.
    fn shrink(&mut self) {
        let mut ages: Vec<u64> = self
            .statements
            .values()
            .map(|statement| statement.last_used.get())
            .collect();
        ages.sort_unstable();
        let limit = ages[ages.len() / 2];
        self.statements
            .retain(|_, statement| statement.last_used.get() >= limit);
        self.bytes = self.statements.keys().map(|sql| sql.len()).sum();
    }
}
