//! SQLite as objects use it: one build, its own symbol names, counters of rows, and raw bindings.
//!
//! Only declarations: what they mean is in SQLite's own documentation under the names without the prefix. Nothing here
//! opens a file; who uses it brings a file system.
#![expect(
    unsafe_code,
    reason = "foreign functions, under the names that their documentation has"
)]
#![allow(
    missing_docs,
    reason = "sqlite.org documents every name; see the head of this crate"
)]

use std::ffi::{c_char, c_int, c_uint, c_void};

macro_rules! constants {
    ($($name:ident = $value:expr;)+) => { $(pub const $name: c_int = $value;)+ };
}

constants! {
    SQLITE_OK = 0;
    SQLITE_ERROR = 1;
    SQLITE_ABORT = 4;
    SQLITE_BUSY = 5;
    SQLITE_NOMEM = 7;
    SQLITE_INTERRUPT = 9;
    SQLITE_IOERR = 10;
    SQLITE_NOTFOUND = 12;
    SQLITE_FULL = 13;
    SQLITE_CANTOPEN = 14;
    SQLITE_CONSTRAINT = 19;
    SQLITE_MISUSE = 21;
    SQLITE_AUTH = 23;
    SQLITE_ROW = 100;
    SQLITE_DONE = 101;
    SQLITE_IOERR_READ = SQLITE_IOERR | (1 << 8);
    SQLITE_IOERR_SHORT_READ = SQLITE_IOERR | (2 << 8);
    SQLITE_IOERR_WRITE = SQLITE_IOERR | (3 << 8);

    SQLITE_INTEGER = 1;
    SQLITE_FLOAT = 2;
    SQLITE_TEXT = 3;
    SQLITE_BLOB = 4;
    SQLITE_NULL = 5;

    SQLITE_OPEN_READWRITE = 0x2;
    SQLITE_OPEN_CREATE = 0x4;
    SQLITE_OPEN_MAIN_DB = 0x100;
    SQLITE_OPEN_NOMUTEX = 0x8000;
    SQLITE_OPEN_EXRESCODE = 0x0200_0000;
    SQLITE_PREPARE_PERSISTENT = 1;

    SQLITE_LIMIT_LENGTH = 0;
    SQLITE_LIMIT_SQL_LENGTH = 1;
    SQLITE_LIMIT_COLUMN = 2;
    SQLITE_LIMIT_EXPR_DEPTH = 3;
    SQLITE_LIMIT_COMPOUND_SELECT = 4;
    SQLITE_LIMIT_VDBE_OP = 5;
    SQLITE_LIMIT_FUNCTION_ARG = 6;
    SQLITE_LIMIT_ATTACHED = 7;
    SQLITE_LIMIT_LIKE_PATTERN_LENGTH = 8;
    SQLITE_LIMIT_VARIABLE_NUMBER = 9;
    SQLITE_LIMIT_TRIGGER_DEPTH = 10;
    SQLITE_LIMIT_WORKER_THREADS = 11;

    SQLITE_DBCONFIG_LOOKASIDE = 1001;
    SQLITE_DBCONFIG_DEFENSIVE = 1010;
    SQLITE_CONFIG_MALLOC = 4;
    SQLITE_STMTSTATUS_REPREPARE = 5;

    SQLITE_IOCAP_ATOMIC = 0x1;
    SQLITE_IOCAP_SAFE_APPEND = 0x200;
    SQLITE_IOCAP_SEQUENTIAL = 0x400;
    SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN = 0x800;
    SQLITE_IOCAP_POWERSAFE_OVERWRITE = 0x1000;

    SQLITE_CREATE_INDEX = 1;
    SQLITE_CREATE_TABLE = 2;
    SQLITE_CREATE_TRIGGER = 7;
    SQLITE_CREATE_VIEW = 8;
    SQLITE_DELETE = 9;
    SQLITE_DROP_INDEX = 10;
    SQLITE_DROP_TABLE = 11;
    SQLITE_DROP_TRIGGER = 16;
    SQLITE_DROP_VIEW = 17;
    SQLITE_INSERT = 18;
    SQLITE_PRAGMA = 19;
    SQLITE_READ = 20;
    SQLITE_SELECT = 21;
    SQLITE_TRANSACTION = 22;
    SQLITE_UPDATE = 23;
    SQLITE_DETACH = 25;
    SQLITE_ALTER_TABLE = 26;
    SQLITE_REINDEX = 27;
    SQLITE_ANALYZE = 28;
    SQLITE_CREATE_VTABLE = 29;
    SQLITE_DROP_VTABLE = 30;
    SQLITE_FUNCTION = 31;
    SQLITE_SAVEPOINT = 32;
    SQLITE_RECURSIVE = 33;
    SQLITE_DENY = 1;
    SQLITE_UTF8 = 1;
}

/// A destructor that stands for "copy it".
pub const SQLITE_TRANSIENT: isize = -1;
/// A destructor that stands for "it stays where it is".
pub const SQLITE_STATIC: isize = 0;

/// A connection.
#[repr(C)]
pub struct sqlite3 {
    _opaque: [u8; 0],
}

/// A prepared statement.
#[repr(C)]
pub struct sqlite3_stmt {
    _opaque: [u8; 0],
}

/// The surroundings of a function's call.
#[repr(C)]
pub struct sqlite3_context {
    _opaque: [u8; 0],
}

/// A dynamically typed value.
#[repr(C)]
pub struct sqlite3_value {
    _opaque: [u8; 0],
}

/// An open file; who implements one puts its own state behind this.
#[repr(C)]
pub struct sqlite3_file {
    pub methods: *const sqlite3_io_methods,
}

/// Methods of an open file, version 1.
#[repr(C)]
pub struct sqlite3_io_methods {
    pub version: c_int,
    pub close: unsafe extern "C" fn(*mut sqlite3_file) -> c_int,
    pub read: unsafe extern "C" fn(*mut sqlite3_file, *mut c_void, c_int, i64) -> c_int,
    pub write: unsafe extern "C" fn(*mut sqlite3_file, *const c_void, c_int, i64) -> c_int,
    pub truncate: unsafe extern "C" fn(*mut sqlite3_file, i64) -> c_int,
    pub sync: unsafe extern "C" fn(*mut sqlite3_file, c_int) -> c_int,
    pub file_size: unsafe extern "C" fn(*mut sqlite3_file, *mut i64) -> c_int,
    pub lock: unsafe extern "C" fn(*mut sqlite3_file, c_int) -> c_int,
    pub unlock: unsafe extern "C" fn(*mut sqlite3_file, c_int) -> c_int,
    pub check_reserved_lock: unsafe extern "C" fn(*mut sqlite3_file, *mut c_int) -> c_int,
    pub file_control: unsafe extern "C" fn(*mut sqlite3_file, c_int, *mut c_void) -> c_int,
    pub sector_size: unsafe extern "C" fn(*mut sqlite3_file) -> c_int,
    pub device_characteristics: unsafe extern "C" fn(*mut sqlite3_file) -> c_int,
}

/// A file system, version 2.
#[repr(C)]
pub struct sqlite3_vfs {
    pub version: c_int,
    pub file_bytes: c_int,
    pub max_path: c_int,
    pub next: *mut sqlite3_vfs,
    pub name: *const c_char,
    pub app_data: *mut c_void,
    pub open: unsafe extern "C" fn(
        *mut sqlite3_vfs,
        *const c_char,
        *mut sqlite3_file,
        c_int,
        *mut c_int,
    ) -> c_int,
    pub delete: unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char, c_int) -> c_int,
    pub access: unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char, c_int, *mut c_int) -> c_int,
    pub full_pathname:
        unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char, c_int, *mut c_char) -> c_int,
    pub dl_open: *const c_void,
    pub dl_error: *const c_void,
    pub dl_sym: *const c_void,
    pub dl_close: *const c_void,
    pub randomness: unsafe extern "C" fn(*mut sqlite3_vfs, c_int, *mut c_char) -> c_int,
    pub sleep: unsafe extern "C" fn(*mut sqlite3_vfs, c_int) -> c_int,
    pub current_time: unsafe extern "C" fn(*mut sqlite3_vfs, *mut f64) -> c_int,
    pub get_last_error: unsafe extern "C" fn(*mut sqlite3_vfs, c_int, *mut c_char) -> c_int,
    pub current_time_int64: unsafe extern "C" fn(*mut sqlite3_vfs, *mut i64) -> c_int,
}

/// Where SQLite gets its memory.
#[repr(C)]
pub struct sqlite3_mem_methods {
    pub malloc: unsafe extern "C" fn(c_int) -> *mut c_void,
    pub free: unsafe extern "C" fn(*mut c_void),
    pub realloc: unsafe extern "C" fn(*mut c_void, c_int) -> *mut c_void,
    pub size: unsafe extern "C" fn(*mut c_void) -> c_int,
    pub round_up: unsafe extern "C" fn(c_int) -> c_int,
    pub init: unsafe extern "C" fn(*mut c_void) -> c_int,
    pub shutdown: unsafe extern "C" fn(*mut c_void),
    pub app_data: *mut c_void,
}

/// Says whether a statement may do something.
pub type Authorizer = unsafe extern "C" fn(
    *mut c_void,
    c_int,
    *const c_char,
    *const c_char,
    *const c_char,
    *const c_char,
) -> c_int;

/// A function that SQL can call.
pub type Function = unsafe extern "C" fn(*mut sqlite3_context, c_int, *mut *mut sqlite3_value);

macro_rules! functions {
    ($($name:ident as $link:literal ($($argument:ty),*) $(-> $result:ty)?;)+) => {
        unsafe extern "C" { $(
            #[link_name = $link]
            pub fn $name($(_: $argument),*) $(-> $result)?;
        )+ }
    };
}

functions! {
    sqlite3_initialize as "atoll_sqlite3_initialize" () -> c_int;
    sqlite3_vfs_register as "atoll_sqlite3_vfs_register" (*mut sqlite3_vfs, c_int) -> c_int;
    sqlite3_open_v2 as "atoll_sqlite3_open_v2" (*const c_char, *mut *mut sqlite3, c_int, *const c_char) -> c_int;
    sqlite3_close_v2 as "atoll_sqlite3_close_v2" (*mut sqlite3) -> c_int;
    sqlite3_limit as "atoll_sqlite3_limit" (*mut sqlite3, c_int, c_int) -> c_int;
    sqlite3_set_authorizer as "atoll_sqlite3_set_authorizer" (*mut sqlite3, Option<Authorizer>, *mut c_void) -> c_int;
    sqlite3_progress_handler as "atoll_sqlite3_progress_handler"
        (*mut sqlite3, c_int, Option<unsafe extern "C" fn(*mut c_void) -> c_int>, *mut c_void);
    sqlite3_prepare_v3 as "atoll_sqlite3_prepare_v3"
        (*mut sqlite3, *const c_char, c_int, c_uint, *mut *mut sqlite3_stmt, *mut *const c_char) -> c_int;
    sqlite3_finalize as "atoll_sqlite3_finalize" (*mut sqlite3_stmt) -> c_int;
    sqlite3_step as "atoll_sqlite3_step" (*mut sqlite3_stmt) -> c_int;
    sqlite3_reset as "atoll_sqlite3_reset" (*mut sqlite3_stmt) -> c_int;
    sqlite3_clear_bindings as "atoll_sqlite3_clear_bindings" (*mut sqlite3_stmt) -> c_int;
    sqlite3_rows as "atoll_sqlite3_rows" (*mut sqlite3_stmt, c_int) -> c_uint;
    sqlite3_reset_rows as "atoll_sqlite3_reset_rows" (*mut sqlite3_stmt);
    sqlite3_stmt_readonly as "atoll_sqlite3_stmt_readonly" (*mut sqlite3_stmt) -> c_int;
    sqlite3_stmt_status as "atoll_sqlite3_stmt_status" (*mut sqlite3_stmt, c_int, c_int) -> c_int;
    sqlite3_bind_parameter_count as "atoll_sqlite3_bind_parameter_count" (*mut sqlite3_stmt) -> c_int;
    sqlite3_bind_null as "atoll_sqlite3_bind_null" (*mut sqlite3_stmt, c_int) -> c_int;
    sqlite3_bind_double as "atoll_sqlite3_bind_double" (*mut sqlite3_stmt, c_int, f64) -> c_int;
    sqlite3_bind_int64 as "atoll_sqlite3_bind_int64" (*mut sqlite3_stmt, c_int, i64) -> c_int;
    sqlite3_bind_text as "atoll_sqlite3_bind_text" (*mut sqlite3_stmt, c_int, *const c_char, c_int, isize) -> c_int;
    sqlite3_bind_blob as "atoll_sqlite3_bind_blob" (*mut sqlite3_stmt, c_int, *const c_void, c_int, isize) -> c_int;
    sqlite3_column_count as "atoll_sqlite3_column_count" (*mut sqlite3_stmt) -> c_int;
    sqlite3_column_name as "atoll_sqlite3_column_name" (*mut sqlite3_stmt, c_int) -> *const c_char;
    sqlite3_column_type as "atoll_sqlite3_column_type" (*mut sqlite3_stmt, c_int) -> c_int;
    sqlite3_column_int64 as "atoll_sqlite3_column_int64" (*mut sqlite3_stmt, c_int) -> i64;
    sqlite3_column_double as "atoll_sqlite3_column_double" (*mut sqlite3_stmt, c_int) -> f64;
    sqlite3_column_text as "atoll_sqlite3_column_text" (*mut sqlite3_stmt, c_int) -> *const u8;
    sqlite3_column_blob as "atoll_sqlite3_column_blob" (*mut sqlite3_stmt, c_int) -> *const c_void;
    sqlite3_column_bytes as "atoll_sqlite3_column_bytes" (*mut sqlite3_stmt, c_int) -> c_int;
    sqlite3_errmsg as "atoll_sqlite3_errmsg" (*mut sqlite3) -> *const c_char;
    sqlite3_extended_errcode as "atoll_sqlite3_extended_errcode" (*mut sqlite3) -> c_int;
    sqlite3_error_offset as "atoll_sqlite3_error_offset" (*mut sqlite3) -> c_int;
    sqlite3_get_autocommit as "atoll_sqlite3_get_autocommit" (*mut sqlite3) -> c_int;
    sqlite3_changes64 as "atoll_sqlite3_changes64" (*mut sqlite3) -> i64;
    sqlite3_total_changes64 as "atoll_sqlite3_total_changes64" (*mut sqlite3) -> i64;
    sqlite3_randomness as "atoll_sqlite3_randomness" (c_int, *mut c_void);
    sqlite3_create_function_v2 as "atoll_sqlite3_create_function_v2"
        (*mut sqlite3, *const c_char, c_int, c_int, *mut c_void, Option<Function>, *const c_void, *const c_void,
         *const c_void) -> c_int;
    sqlite3_result_int64 as "atoll_sqlite3_result_int64" (*mut sqlite3_context, i64);
}

unsafe extern "C" {
    #[link_name = "atoll_sqlite3_config"]
    pub fn sqlite3_config(option: c_int, ...) -> c_int;
    #[link_name = "atoll_sqlite3_db_release_memory"]
    pub fn sqlite3_db_release_memory(db: *mut sqlite3) -> c_int;
    #[link_name = "atoll_sqlite3_db_config"]
    pub fn sqlite3_db_config(db: *mut sqlite3, option: c_int, ...) -> c_int;
}
