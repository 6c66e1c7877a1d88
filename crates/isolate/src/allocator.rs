//! An allocator for a program that is the host and, started again, the zygote: mimalloc in the one, the C library's in the
//! other.
//!
//! The host takes and gives back many blocks for each request, some of them of several kilobytes, which takes the C library's
//! allocator long. An isolate has few, counts what the C library has given out (`native/wasm/limits.rs`), and stands on how
//! that lays its blocks out before a fork (`heap.rs`).
#![expect(
    unsafe_code,
    reason = "an allocator is an unsafe trait, and which one it is has to be known before anything is allocated"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

use mimalloc::MiMalloc;

/// Set before anything is allocated, and never again.
static IS_HOST: AtomicBool = AtomicBool::new(false);

#[cfg(target_env = "gnu")]
mod before_main {
    use std::ffi::{CStr, c_char, c_int};
    use std::sync::atomic::Ordering;

    /// The C library calls what stands here before `main`, with its arguments; the number puts it before all others.
    #[used]
    #[unsafe(link_section = ".init_array.00001")]
    static DECIDE: extern "C" fn(c_int, *const *const c_char, *const *const c_char) = decide;

    extern "C" fn decide(
        count: c_int,
        arguments: *const *const c_char,
        _environment: *const *const c_char,
    ) {
        // SAFETY: there are as many arguments as the C library says, each of which is a string.
        let is_zygote = count > 1
            && unsafe { CStr::from_ptr(*arguments.add(1)) }.to_bytes()
                == protocol::ZYGOTE_ARGUMENT.as_bytes();
        super::IS_HOST.store(!is_zygote, Ordering::Relaxed);
    }
}

/// To be the program's `#[global_allocator]`.
#[derive(Debug)]
pub struct Allocator;

/// Does the same with the allocator that this process has.
macro_rules! pass_on {
    ($method:ident($($argument:expr),*)) => {
        if IS_HOST.load(Ordering::Relaxed) {
            // SAFETY: the caller keeps to the trait, and this process has always had this allocator.
            unsafe { MiMalloc.$method($($argument),*) }
        } else {
            // SAFETY: as above.
            unsafe { System.$method($($argument),*) }
        }
    };
}

// SAFETY: all four do what one allocator does, which is the same for as long as the process lives.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        pass_on!(alloc(layout))
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        pass_on!(alloc_zeroed(layout))
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        pass_on!(dealloc(block, layout));
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        pass_on!(realloc(block, layout, size))
    }
}
