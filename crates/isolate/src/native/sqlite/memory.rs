//! The memory that SQLite may have: the system's, counted, with a limit.
#![expect(unsafe_code, reason = "an allocator deals in raw memory")]

use std::cell::Cell;
use std::ffi::{c_int, c_void};

use sqlite::sqlite3_mem_methods;

/// Memory of all connections of an isolate, in bytes.
const MAX_BYTES: usize = 64 * 1024 * 1024;

thread_local! {
    static USED_BYTES: Cell<usize> = const { Cell::new(0) };
}

/// Memory in use, in bytes.
pub(crate) fn used_bytes() -> usize {
    USED_BYTES.get()
}

/// What SQLite is given at its start.
pub(crate) const METHODS: sqlite3_mem_methods = sqlite3_mem_methods {
    malloc,
    free,
    realloc,
    size,
    round_up,
    init,
    shutdown,
    app_data: std::ptr::null_mut(),
};

fn usable(memory: *mut c_void) -> usize {
    // SAFETY: SQLite only passes what `malloc` or `realloc` below returned and has not freed.
    unsafe { libc::malloc_usable_size(memory) }
}

unsafe extern "C" fn malloc(bytes: c_int) -> *mut c_void {
    let bytes = usize::try_from(bytes).unwrap_or(0);
    if USED_BYTES.get() + bytes > MAX_BYTES {
        return std::ptr::null_mut();
    }
    // SAFETY: any size may be asked for.
    let memory = unsafe { libc::malloc(bytes) };
    if !memory.is_null() {
        USED_BYTES.set(USED_BYTES.get() + usable(memory));
    }
    memory
}

unsafe extern "C" fn free(memory: *mut c_void) {
    USED_BYTES.set(USED_BYTES.get().saturating_sub(usable(memory)));
    // SAFETY: SQLite frees what it got from here, once.
    unsafe { libc::free(memory) };
}

unsafe extern "C" fn realloc(memory: *mut c_void, bytes: c_int) -> *mut c_void {
    let bytes = usize::try_from(bytes).unwrap_or(0);
    let old = usable(memory);
    if USED_BYTES.get() + bytes.saturating_sub(old) > MAX_BYTES {
        return std::ptr::null_mut();
    }
    // SAFETY: as for `free`; the old memory is only given up when there is new.
    let new = unsafe { libc::realloc(memory, bytes) };
    if !new.is_null() {
        USED_BYTES.set(USED_BYTES.get().saturating_sub(old) + usable(new));
    }
    new
}

unsafe extern "C" fn size(memory: *mut c_void) -> c_int {
    if memory.is_null() {
        return 0;
    }
    c_int::try_from(usable(memory)).unwrap_or(c_int::MAX)
}

unsafe extern "C" fn round_up(bytes: c_int) -> c_int {
    bytes.saturating_add(7) & !7
}

unsafe extern "C" fn init(_: *mut c_void) -> c_int {
    sqlite::SQLITE_OK
}

unsafe extern "C" fn shutdown(_: *mut c_void) {}
