//! Where a linear memory lies.
//!
//! A region is a range of addresses that is reserved once and made usable as the memory grows. So a memory never moves,
//! and an `ArrayBuffer` over it stays sound whatever a program does with it: the buffer holds the region, the region is
//! unmapped by its last holder, and both the interpreter and the engine run on this one thread, so neither looks at the
//! bytes while the other does.
#![expect(
    unsafe_code,
    reason = "memory that is reserved and grows in place comes from the system"
)]

use std::cell::Cell;
use std::ptr::NonNull;
use std::rc::Rc;

use crate::heap::Account;

/// Addresses for one linear memory. Its bytes count as the isolate's memory.
#[derive(Debug)]
pub(crate) struct Region {
    start: NonNull<u8>,
    reserved: usize,
    usable: Cell<usize>,
    account: Rc<Account>,
}

impl Region {
    /// Reserves addresses for `bytes`, none of them usable yet. `None` when there are not so many.
    pub(crate) fn reserve(bytes: usize, account: &Rc<Account>) -> Option<Self> {
        let reserved = bytes.max(1);
        // SAFETY: a new private mapping at an address of the system's choice touches nothing that exists.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                reserved,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return None;
        }
        Some(Self {
            start: NonNull::new(start.cast())?,
            reserved,
            usable: Cell::new(0),
            account: Rc::clone(account),
        })
    }

    /// How many bytes can be used.
    pub(crate) fn usable(&self) -> usize {
        self.usable.get()
    }

    /// How many bytes it can ever have.
    pub(crate) fn reserved(&self) -> usize {
        self.reserved
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// Makes the first `bytes` usable, all zero where they were not usable before. False when that is too much.
    pub(crate) fn grow(&self, bytes: usize) -> bool {
        let before = self.usable.get();
        if bytes <= before {
            return true;
        }
        if bytes > self.reserved || !self.account.claim(bytes - before) {
            return false;
        }
        // SAFETY: the range is the start of this region's own mapping.
        let result = unsafe {
            libc::mprotect(
                self.start.as_ptr().cast(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
            )
        };
        if result != 0 {
            self.account.release(bytes - before);
            return false;
        }
        self.usable.set(bytes);
        true
    }

    /// Gives pages that are all zero, as they are after the interpreter has cleared them, back to the system.
    pub(crate) fn forget_zeroes(&self) {
        // SAFETY: private anonymous pages read as zero after this, which is what they hold; the range is ours.
        unsafe {
            libc::madvise(
                self.start.as_ptr().cast(),
                self.usable.get(),
                libc::MADV_DONTNEED,
            );
        }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        self.account.release(self.usable.get());
        // SAFETY: the mapping is this region's, and who holds bytes of it holds the region.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.reserved) };
    }
}
