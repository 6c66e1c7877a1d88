//! The engine's heap: the C library's, counted and limited.
//!
//! The engine can say itself that its memory is used up, but only with an error that needs memory to be made. This
//! allocator remembers that it refused, so the end of an isolate does not hang on what its code makes of an exception.
//! The engine carves small values out of pages of its own, so little of what it does comes here.
#![expect(
    unsafe_code,
    reason = "an allocator for the engine is an unsafe trait over the C library's functions"
)]

use std::cell::Cell;
use std::rc::Rc;

use rquickjs::allocator::Allocator;
use rquickjs::{Ctx, qjs};

/// A request for less than this that cannot be met means that there is no going on: it may be for any value, or for
/// the very error that tells. A greater one is something that a program can do without.
const SMALL_BYTES: usize = 64 * 1024;

/// What an exhausted isolate may use to come to its end.
const LOAN_BYTES: usize = 256 * 1024;

/// Gives the system back what is free in the C library's heap.
pub fn trim() {
    // SAFETY: it only touches memory that nobody has.
    unsafe { libc::malloc_trim(0) };
}

/// Has the C library keep what is freed for what comes next, and take much from the system at a time: for a process that
/// uses a lot for a moment and ends.
pub(crate) fn keep_free_blocks() {
    const MEGABYTE: libc::c_int = 1024 * 1024;
    // SAFETY: it sets numbers.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 * MEGABYTE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 1024 * MEGABYTE);
        libc::mallopt(libc::M_TOP_PAD, MEGABYTE);
    }
}

/// The sizes, in bytes, that the engine carves out of pages of its own, less the eight that it puts before each block.
const CARVED_BYTES: [usize; 31] = [
    8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 136, 152, 168, 184, 200, 216,
    232, 248, 280, 312, 344, 376, 408, 440, 472, 504,
];
/// The sizes, in bytes, that gaps between blocks of the C library are filled with, one after the other.
const GAP_BYTES: [usize; 6] = [4096, 1024, 512, 192, 88, 24];
/// Gaps that are filled at most: more are no use to anybody, and this must come to an end.
const MAX_GAPS: usize = 64 * 1024;

/// Has the C library put free blocks together when they are freed. Otherwise it leaves many for later, and each fork would do
/// that work again, and have its own copy of every page with such a block.
pub(crate) fn join_free_blocks() {
    // SAFETY: it sets a number.
    unsafe { libc::mallopt(libc::M_MXFAST, 0) };
}

/// Fills what is free between the blocks of this process, which is about to be forked. A new block in such a gap costs a
/// fork a copy of the page around it; without gaps, new blocks stand side by side in pages that hold nothing else.
///
/// For each size that it carves, the engine then has a page with nothing but room. Without, a fork would have to begin one,
/// and write to the last one that is full to have it in a list.
pub(crate) fn fill_gaps(ctx: &Ctx<'_>, account: &Account) {
    let raw = ctx.as_raw().as_ptr();
    for size in CARVED_BYTES {
        for _ in 0..MAX_GAPS {
            let before = account.used.get();
            // SAFETY: the context is alive and locked. Nobody ever uses the block.
            let block = unsafe { qjs::js_malloc(raw, size as _) };
            if block.is_null() || account.used.get() != before {
                // It began a page: all that were there are full.
                break;
            }
        }
    }
    fill_blocks();
}

/// The same for blocks of the C library alone.
pub(crate) fn fill_blocks() {
    trim();
    // SAFETY: asking for no memory tells where the heap ends.
    let end = unsafe { libc::sbrk(0) } as usize;
    for size in GAP_BYTES {
        for _ in 0..MAX_GAPS {
            // SAFETY: `malloc` takes any size. Nobody ever uses the block.
            let block = unsafe { libc::malloc(size) } as usize;
            if block == 0 || block + size >= end {
                break;
            }
        }
    }
}

/// How much is used, and how much may be.
#[derive(Debug)]
pub(crate) struct Account {
    used: Cell<usize>,
    limit: Cell<usize>,
    /// The limit as it was set.
    granted: Cell<usize>,
    /// The limit for what runs now, whatever is lent.
    bound: Cell<usize>,
    exhausted: Cell<bool>,
    /// What was refused last.
    refused: Cell<Refused>,
}

/// What an isolate wanted and did not get.
#[derive(Clone, Copy, Debug, Default)]
enum Refused {
    #[default]
    Nothing,
    /// Bytes that were used, and that were asked for beside them.
    More(usize, usize),
    /// Bytes to be sent at a time.
    Sending(usize),
}

impl Default for Account {
    fn default() -> Self {
        Self {
            used: Cell::new(0),
            limit: Cell::new(usize::MAX),
            granted: Cell::new(usize::MAX),
            bound: Cell::new(usize::MAX),
            exhausted: Cell::new(false),
            refused: Cell::default(),
        }
    }
}

impl Account {
    /// Nothing may be used after this: so many bytes are to be sent at a time.
    pub(crate) fn exhaust(&self, unsent: usize) {
        if !self.exhausted.replace(true) {
            self.refused.set(Refused::Sending(unsent));
        }
    }

    /// By how much the limit was passed, as errors say it. Empty when that is not known.
    pub(crate) fn excess(&self) -> String {
        match self.refused.get() {
            Refused::Nothing => String::new(),
            Refused::More(used, more) => {
                format!(": it used {} and needed {} more", shown(used), shown(more))
            }
            Refused::Sending(bytes) => format!(": it had {} to send at once", shown(bytes)),
        }
    }

    /// How many bytes are used.
    pub(crate) fn used(&self) -> usize {
        self.used.get()
    }

    /// Sets how many bytes may be used from now on.
    pub(crate) fn set_limit(&self, bytes: usize) {
        self.granted.set(bytes);
        self.bound(None);
    }

    /// What runs from now on may use less, or as much as was set.
    pub(crate) fn bound(&self, bytes: Option<u64>) {
        let granted = self.granted.get();
        let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
        let bound = bytes.map_or(granted, |bytes| bytes.min(granted));
        self.limit.set(bound);
        self.bound.set(bound);
    }

    /// The limit for what runs now, in megabytes.
    pub(crate) fn bound_mb(&self) -> usize {
        self.bound.get() >> 20
    }

    /// Lets the engine make the error that nothing can catch.
    pub(crate) fn lend(&self) {
        self.limit.set(self.used.get().saturating_add(LOAN_BYTES));
    }

    /// Whether something was refused that the isolate cannot do without.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.exhausted.get()
    }

    /// How many bytes may be used.
    pub(crate) fn limit(&self) -> usize {
        self.limit.get()
    }

    /// Takes bytes for something else than the heap. False when there are not so many.
    pub(crate) fn claim(&self, bytes: usize) -> bool {
        let allowed = bytes <= self.limit.get().saturating_sub(self.used.get());
        if allowed {
            self.take(bytes);
        } else {
            self.remember(bytes);
        }
        allowed
    }

    /// Counts bytes that something else than the heap has taken already.
    pub(crate) fn take(&self, bytes: usize) {
        self.used.set(self.used.get().saturating_add(bytes));
    }

    /// Gives back what was claimed or taken.
    pub(crate) fn release(&self, bytes: usize) {
        self.given_back(bytes);
    }

    /// Whether `more` bytes may be used. A refusal of little is the end.
    fn allows(&self, more: usize) -> bool {
        let allowed = more <= self.limit.get().saturating_sub(self.used.get());
        if !allowed {
            self.refuse(more);
        }
        allowed
    }

    fn refuse(&self, bytes: usize) {
        self.remember(bytes);
        if bytes < SMALL_BYTES {
            self.exhausted.set(true);
        }
    }

    /// What was refused first of what ends the isolate is the reason.
    fn remember(&self, bytes: usize) {
        if !self.exhausted.get() {
            self.refused.set(Refused::More(self.used.get(), bytes));
        }
    }

    /// Counts a fresh block of a request for `asked` bytes, or a refusal by the system.
    fn taken(&self, block: *mut u8, asked: usize) -> *mut u8 {
        if block.is_null() {
            self.refuse(asked);
        } else {
            self.used.set(self.used.get() + usable(block));
        }
        block
    }

    fn given_back(&self, bytes: usize) {
        self.used.set(self.used.get().saturating_sub(bytes));
    }
}

/// Bytes as people read them.
fn shown(bytes: usize) -> String {
    const UNITS: [(usize, &str); 2] = [(1 << 20, "MB"), (1 << 10, "KB")];
    for (unit, name) in UNITS {
        if bytes >= unit {
            let tenths = (bytes * 10).div_ceil(unit);
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} bytes")
}

/// Bytes in a live block of the C library.
fn usable(block: *mut u8) -> usize {
    // SAFETY: callers pass blocks that the C library gave and that are not freed.
    unsafe { libc::malloc_usable_size(block.cast()) }
}

/// The allocator that the engine is given.
pub(crate) struct Heap(pub(crate) Rc<Account>);

// SAFETY: every block comes from the C library's `malloc` family, which aligns for any type, gives at least what is
// asked for, and says null when it cannot.
unsafe impl Allocator for Heap {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        if !self.0.allows(size) {
            return std::ptr::null_mut();
        }
        // SAFETY: `malloc` takes any size.
        let block = unsafe { libc::malloc(size) };
        self.0.taken(block.cast(), size)
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let bytes = count.saturating_mul(size);
        if !self.0.allows(bytes) {
            return std::ptr::null_mut();
        }
        // SAFETY: `calloc` takes any count and size, and refuses a product that overflows.
        let block = unsafe { libc::calloc(count, size) };
        self.0.taken(block.cast(), bytes)
    }

    unsafe fn dealloc(&mut self, block: *mut u8) {
        self.0.given_back(usable(block));
        // SAFETY: the engine gives back a block of this allocator, once.
        unsafe { libc::free(block.cast()) }
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        if block.is_null() {
            return self.alloc(size);
        }
        let before = usable(block);
        if size > before && !self.0.allows(size - before) {
            return std::ptr::null_mut();
        }
        // SAFETY: the engine passes a live block of this allocator. When the C library says null, the block lives on.
        let moved = unsafe { libc::realloc(block.cast(), size) };
        if !moved.is_null() {
            self.0.given_back(before);
        }
        self.0.taken(moved.cast(), size)
    }

    unsafe fn usable_size(block: *mut u8) -> usize {
        usable(block)
    }
}
