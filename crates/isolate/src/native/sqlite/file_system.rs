//! The file system that SQLite sees: one database per connection, its pages in [`Pages`], and nothing else.
#![expect(
    unsafe_code,
    reason = "SQLite calls its file system through C function pointers"
)]

use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::rc::Rc;

use protocol::pages::PAGE_BYTES;
use sqlite::*;

use super::pages::{Page, Pages};
use crate::state;

thread_local! {
    /// What the next `open` opens.
    static OPENING: Cell<Option<Rc<RefCell<Pages>>>> = const { Cell::new(None) };
}

/// The name that every database has.
pub(crate) const DATABASE: &std::ffi::CStr = c"/object";
/// Milliseconds between the start of the Julian period and 1970.
const JULIAN_1970_MS: i64 = 210_866_760_000_000;

/// Makes `pages` what the next connection of this thread opens.
pub(crate) fn open_next(pages: Rc<RefCell<Pages>>) {
    OPENING.set(Some(pages));
}

/// Forgets what was not opened.
pub(crate) fn open_none() {
    OPENING.set(None);
}

#[repr(C)]
struct File {
    base: sqlite3_file,
    /// Owned: from `Rc::into_raw`, given back by `close`.
    pages: *const RefCell<Pages>,
}

/// The file system, ready to be registered; SQLite keeps the pointer for ever.
pub(crate) fn make() -> *mut sqlite3_vfs {
    Box::into_raw(Box::new(sqlite3_vfs {
        version: 2,
        file_bytes: c_int::try_from(size_of::<File>()).expect("two words"),
        max_path: 64,
        next: ptr::null_mut(),
        name: c"atoll".as_ptr(),
        app_data: ptr::null_mut(),
        open,
        delete,
        access,
        full_pathname,
        dl_open: ptr::null(),
        dl_error: ptr::null(),
        dl_sym: ptr::null(),
        dl_close: ptr::null(),
        randomness,
        sleep,
        current_time,
        get_last_error,
        current_time_int64,
    }))
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    version: 1,
    close,
    read,
    write,
    truncate,
    sync,
    file_size,
    lock,
    unlock,
    check_reserved_lock,
    file_control,
    sector_size,
    device_characteristics,
};

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    _name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let pages = OPENING.take();
    // SAFETY: SQLite gives `file_bytes` of writable memory, and a place for the flags unless that is null.
    unsafe {
        (*file).methods = ptr::null();
        let Some(pages) = pages.filter(|_| flags & SQLITE_OPEN_MAIN_DB != 0) else {
            return SQLITE_CANTOPEN;
        };
        ptr::write(
            file.cast::<File>(),
            File {
                base: sqlite3_file { methods: &METHODS },
                pages: Rc::into_raw(pages),
            },
        );
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    SQLITE_OK
}

/// Runs `work` on the pages of an open file.
fn with<R>(file: *mut sqlite3_file, work: impl FnOnce(&mut Pages) -> R) -> R {
    // SAFETY: SQLite passes files that `open` made and `close` has not ended; they hold a reference to their pages.
    // Nothing below calls back into SQLite, so the borrow is never nested.
    let pages = unsafe { &*(*file.cast::<File>()).pages };
    work(&mut pages.borrow_mut())
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file once, which gives back the reference that `open` took.
    drop(unsafe { Rc::from_raw((*file.cast::<File>()).pages) });
    SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    out: *mut c_void,
    bytes: c_int,
    offset: i64,
) -> c_int {
    let (Ok(bytes), Ok(offset)) = (usize::try_from(bytes), usize::try_from(offset)) else {
        return SQLITE_IOERR_READ;
    };
    // SAFETY: SQLite gives `bytes` of writable memory that nothing else refers to during the call.
    let out = unsafe { std::slice::from_raw_parts_mut(out.cast::<u8>(), bytes) };
    let (index, start) = (offset / PAGE_BYTES, offset % PAGE_BYTES);
    let number = u32::try_from(index + 1).unwrap_or(0);
    let found = with(file, |pages| {
        if let Ok(page) = <&mut Page>::try_from(&mut *out) {
            return pages.read(number, page);
        }
        // A part of a page: of the header, when a connection begins.
        let mut page = [0; PAGE_BYTES];
        let found = pages.read(number, &mut page);
        let part = page.get(start..start + bytes).unwrap_or_default();
        if part.len() == out.len() {
            out.copy_from_slice(part);
            found
        } else {
            Err(std::io::ErrorKind::InvalidInput.into())
        }
    });
    match found {
        Ok(Some(())) => SQLITE_OK,
        Ok(None) => {
            out.fill(0);
            SQLITE_IOERR_SHORT_READ
        }
        Err(_) => SQLITE_IOERR_READ,
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    bytes: c_int,
    offset: i64,
) -> c_int {
    let (Ok(bytes), Ok(offset)) = (usize::try_from(bytes), usize::try_from(offset)) else {
        return SQLITE_IOERR_WRITE;
    };
    // SAFETY: SQLite gives `bytes` of memory that stays as it is during the call.
    let from = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), bytes) };
    // A database file is only ever written in whole pages.
    let (Ok(page), Ok(number), 0) = (
        <&Page>::try_from(from),
        u32::try_from(offset / PAGE_BYTES + 1),
        offset % PAGE_BYTES,
    ) else {
        return SQLITE_IOERR_WRITE;
    };
    match with(file, |pages| pages.write(number, page)) {
        Ok(()) => SQLITE_OK,
        Err(_) => SQLITE_FULL,
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, bytes: i64) -> c_int {
    let Ok(page_count) = u32::try_from(bytes / PAGE_BYTES as i64) else {
        return SQLITE_IOERR_WRITE;
    };
    with(file, |pages| pages.truncate(page_count));
    SQLITE_OK
}

unsafe extern "C" fn sync(_: *mut sqlite3_file, _: c_int) -> c_int {
    SQLITE_OK
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, out: *mut i64) -> c_int {
    let page_count = with(file, |pages| pages.page_count());
    // SAFETY: SQLite gives a place for the size.
    unsafe { *out = i64::from(page_count) * PAGE_BYTES as i64 };
    SQLITE_OK
}

unsafe extern "C" fn lock(_: *mut sqlite3_file, _: c_int) -> c_int {
    SQLITE_OK
}

unsafe extern "C" fn unlock(_: *mut sqlite3_file, _: c_int) -> c_int {
    SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(_: *mut sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: SQLite gives a place for the answer.
    unsafe { *out = 0 };
    SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut sqlite3_file) -> c_int {
    PAGE_BYTES as c_int
}

unsafe extern "C" fn device_characteristics(_: *mut sqlite3_file) -> c_int {
    SQLITE_IOCAP_ATOMIC
        | SQLITE_IOCAP_SAFE_APPEND
        | SQLITE_IOCAP_SEQUENTIAL
        | SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN
        | SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, _: *const c_char, _: c_int) -> c_int {
    SQLITE_OK
}

unsafe extern "C" fn access(
    _: *mut sqlite3_vfs,
    _: *const c_char,
    _: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives a place for the answer: no other file exists.
    unsafe { *out = 0 };
    SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    bytes: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: `name` is a C string and `out` has room for `bytes`.
    unsafe {
        let name = std::ffi::CStr::from_ptr(name).to_bytes_with_nul();
        if name.len() > usize::try_from(bytes).unwrap_or(0) {
            return SQLITE_CANTOPEN;
        }
        ptr::copy_nonoverlapping(name.as_ptr(), out.cast::<u8>(), name.len());
    }
    SQLITE_OK
}

unsafe extern "C" fn randomness(_: *mut sqlite3_vfs, bytes: c_int, out: *mut c_char) -> c_int {
    let count = usize::try_from(bytes).unwrap_or(0);
    // SAFETY: SQLite gives `bytes` of writable memory.
    let out = unsafe { std::slice::from_raw_parts_mut(out.cast::<u8>(), count) };
    crate::native::random::fill_for_sqlite(out);
    bytes
}

unsafe extern "C" fn sleep(_: *mut sqlite3_vfs, _: c_int) -> c_int {
    0
}

unsafe extern "C" fn current_time(vfs: *mut sqlite3_vfs, out: *mut f64) -> c_int {
    let mut milliseconds = 0;
    // SAFETY: both places are valid; this is the function below.
    unsafe {
        let result = current_time_int64(vfs, &raw mut milliseconds);
        *out = milliseconds as f64 / 86_400_000.0;
        result
    }
}

unsafe extern "C" fn current_time_int64(_: *mut sqlite3_vfs, out: *mut i64) -> c_int {
    let now_ms = state::with(|state| state.now_ms);
    // SAFETY: SQLite gives a place for the time. An isolate's clock is the last frame's.
    unsafe { *out = JULIAN_1970_MS + now_ms as i64 };
    SQLITE_OK
}

unsafe extern "C" fn get_last_error(_: *mut sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}
