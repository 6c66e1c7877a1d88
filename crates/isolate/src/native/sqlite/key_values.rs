//! The key-value storage: a table of the runtime's own in the object's database.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::database::Database;
use super::error::Error;
use super::statement::{Datum, Statement};

const CREATE: &str =
    "CREATE TABLE IF NOT EXISTS _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID";
const FIND: &str = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '_cf_KV'";

/// The statements, by what they do.
#[derive(Clone, Copy)]
#[repr(usize)]
enum Kind {
    Get,
    Put,
    Delete,
    List,
    ListTo,
    ListBack,
    ListToBack,
}

const STATEMENTS: [&str; 7] = [
    "SELECT value FROM _cf_KV WHERE key = ?",
    "INSERT INTO _cf_KV VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    "DELETE FROM _cf_KV WHERE key = ?",
    "SELECT * FROM _cf_KV WHERE key >= ?1 ORDER BY key LIMIT ?3",
    "SELECT * FROM _cf_KV WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3",
    "SELECT * FROM _cf_KV WHERE key >= ?1 ORDER BY key DESC LIMIT ?3",
    "SELECT * FROM _cf_KV WHERE key >= ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3",
];

/// A part of the keys, in the order of their bytes.
pub(crate) struct Range<'a> {
    pub(crate) start: &'a [u8],
    /// Not part of it.
    pub(crate) end: Option<&'a [u8]>,
    pub(crate) reverse: bool,
    pub(crate) limit: usize,
}

/// Prepared statements of one database.
#[derive(Default)]
pub(crate) struct KeyValues {
    /// The table is known to exist.
    table: Cell<bool>,
    statements: RefCell<[Option<Rc<Statement>>; STATEMENTS.len()]>,
}

impl KeyValues {
    /// The table may be gone.
    pub(crate) fn forget_table(&self) {
        self.table.set(false);
    }

    /// Lets go of everything.
    pub(crate) fn clear(&self) {
        self.forget_table();
        drop(self.statements.take());
    }
}

impl Database {
    fn has_table(&self) -> Result<bool, Error> {
        self.check()?;
        if !self.key_values.table.get() {
            let (find, _) = Statement::compile(&self.connection()?, FIND, true, false)?;
            let found = find.map_or(Ok(false), |find| find.step())?;
            self.key_values.table.set(found);
        }
        Ok(self.key_values.table.get())
    }

    fn need_table(self: &Rc<Self>) -> Result<(), Error> {
        self.begin()?;
        if !self.key_values.table.get() {
            self.connection()?.run(CREATE)?;
            self.key_values.table.set(true);
        }
        Ok(())
    }

    fn prepared(&self, kind: Kind) -> Result<Rc<Statement>, Error> {
        let index = kind as usize;
        if let Some(statement) = &self.key_values.statements.borrow()[index] {
            return Ok(Rc::clone(statement));
        }
        let (statement, _) =
            Statement::compile(&self.connection()?, STATEMENTS[index], true, true)?;
        let statement = Rc::new(statement.expect("the texts above are statements"));
        self.key_values.statements.borrow_mut()[index] = Some(Rc::clone(&statement));
        Ok(statement)
    }

    /// Gives the value of `key` to `take`.
    pub(crate) fn get<R>(
        &self,
        key: &[u8],
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, Error> {
        if !self.has_table()? {
            return Ok(None);
        }
        let statement = self.prepared(Kind::Get)?;
        statement.bind_text(0, key)?;
        let found = statement.step().map(|found| {
            found.then(|| match statement.value(0) {
                Datum::Bytes(bytes) | Datum::Text(bytes) => take(bytes),
                _ => take(&[]),
            })
        });
        statement.finish();
        found
    }

    pub(crate) fn put(self: &Rc<Self>, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.need_table()?;
        let statement = self.prepared(Kind::Put)?;
        let bound = statement
            .bind_text(0, key)
            .and_then(|()| statement.bind_bytes(1, value));
        let done = bound.and_then(|()| statement.step());
        statement.finish();
        done.map(drop)
    }

    /// Says whether there was such a key.
    pub(crate) fn delete(self: &Rc<Self>, key: &[u8]) -> Result<bool, Error> {
        if !self.has_table()? {
            return Ok(false);
        }
        self.begin()?;
        let statement = self.prepared(Kind::Delete)?;
        let done = statement.bind_text(0, key).and_then(|()| statement.step());
        let written = statement.rows().1;
        statement.finish();
        done.map(|_| written > 0)
    }

    /// Gives the entries of a range to `take`, in order, until it says no.
    pub(crate) fn entries(
        &self,
        range: &Range<'_>,
        mut take: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Error> {
        if !self.has_table()? {
            return Ok(());
        }
        let statement = self.prepared(match (range.end.is_some(), range.reverse) {
            (false, false) => Kind::List,
            (true, false) => Kind::ListTo,
            (false, true) => Kind::ListBack,
            (true, true) => Kind::ListToBack,
        })?;
        let mut read = || {
            statement.bind_text(0, range.start)?;
            if let Some(end) = range.end {
                statement.bind_text(1, end)?;
            }
            statement.bind_integer(2, i64::try_from(range.limit).unwrap_or(i64::MAX))?;
            while statement.step()? {
                let (Datum::Text(key), Datum::Bytes(value)) =
                    (statement.value(0), statement.value(1))
                else {
                    continue;
                };
                if !take(key, value) {
                    break;
                }
            }
            Ok(())
        };
        let done = read();
        statement.finish();
        done
    }
}
