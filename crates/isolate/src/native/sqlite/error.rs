//! SQLite's errors in Workers' words.
#![expect(unsafe_code, reason = "SQLite's messages are C strings")]

use std::ffi::{CStr, c_int};

use sqlite::*;

/// What went wrong, as the worker reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    pub(crate) message: String,
    /// The processor time of the event was used up: no code may run.
    pub(crate) interrupted: bool,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            interrupted: false,
        }
    }

    /// Whether the text is no SQL.
    pub(crate) fn is_syntax(&self) -> bool {
        self.message.contains("\": syntax error")
    }

    /// The last error of a connection, whose call returned `code`.
    pub(crate) fn of(db: *mut sqlite3, code: c_int) -> Self {
        // SAFETY: the connection is open; the message stays until the next call on it.
        let (text, offset, extended) = unsafe {
            (
                CStr::from_ptr(sqlite3_errmsg(db))
                    .to_string_lossy()
                    .into_owned(),
                sqlite3_error_offset(db),
                sqlite3_extended_errcode(db),
            )
        };
        let mut message = text;
        if offset != -1 {
            message.push_str(&format!(" at offset {offset}"));
        }
        let primary = code & 0xff;
        match name(primary) {
            Some(name) => message.push_str(&format!(": SQLITE_{name}")),
            None => message.push_str(&format!(": SQLITE_UNKNOWN_ERROR_CODE({primary})")),
        }
        if extended != primary
            && let Some(name) = extended_name(extended)
        {
            message.push_str(&format!(" (extended: SQLITE_{name})"));
        }
        Self {
            message,
            interrupted: primary == SQLITE_INTERRUPT,
        }
    }
}

fn name(code: c_int) -> Option<&'static str> {
    const NAMES: [&str; 29] = [
        "OK",
        "ERROR",
        "INTERNAL",
        "PERM",
        "ABORT",
        "BUSY",
        "LOCKED",
        "NOMEM",
        "READONLY",
        "INTERRUPT",
        "IOERR",
        "CORRUPT",
        "NOTFOUND",
        "FULL",
        "CANTOPEN",
        "PROTOCOL",
        "EMPTY",
        "SCHEMA",
        "TOOBIG",
        "CONSTRAINT",
        "MISMATCH",
        "MISUSE",
        "NOLFS",
        "AUTH",
        "FORMAT",
        "RANGE",
        "NOTADB",
        "NOTICE",
        "WARNING",
    ];
    match code {
        SQLITE_ROW => Some("ROW"),
        SQLITE_DONE => Some("DONE"),
        code => NAMES.get(usize::try_from(code).ok()?).copied(),
    }
}

/// Extended codes that statements can meet here, by <https://www.sqlite.org/rescode.html>.
fn extended_name(code: c_int) -> Option<&'static str> {
    let names: &[&str] = match code & 0xff {
        SQLITE_ERROR => &["ERROR_MISSING_COLLSEQ", "ERROR_RETRY", "ERROR_SNAPSHOT"],
        SQLITE_ABORT => &["", "ABORT_ROLLBACK"],
        SQLITE_IOERR => &["IOERR_READ", "IOERR_SHORT_READ", "IOERR_WRITE"],
        11 => &["CORRUPT_VTAB", "CORRUPT_SEQUENCE", "CORRUPT_INDEX"],
        6 => &["LOCKED_SHAREDCACHE", "LOCKED_VTAB"],
        SQLITE_CONSTRAINT => &[
            "CONSTRAINT_CHECK",
            "CONSTRAINT_COMMITHOOK",
            "CONSTRAINT_FOREIGNKEY",
            "CONSTRAINT_FUNCTION",
            "CONSTRAINT_NOTNULL",
            "CONSTRAINT_PRIMARYKEY",
            "CONSTRAINT_TRIGGER",
            "CONSTRAINT_UNIQUE",
            "CONSTRAINT_VTAB",
            "CONSTRAINT_ROWID",
            "CONSTRAINT_PINNED",
            "CONSTRAINT_DATATYPE",
        ],
        _ => return None,
    };
    let index = usize::try_from((code >> 8) - 1).ok()?;
    names.get(index).copied().filter(|name| !name.is_empty())
}
