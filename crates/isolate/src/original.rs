//! The heap that all isolates begin with.
//!
//! What an isolate writes to becomes its own, a page at a time, and much of that is as it was before when an event is over:
//! counts of references that went up and down again. The zygote keeps its heap as a file, so that an isolate which has nothing
//! to do can look which of its pages are what they were, and give its copies of those back.
#![expect(
    unsafe_code,
    reason = "memory is mapped, compared and given back below the language"
)]

use std::ffi::c_void;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd};

/// As the kernel maps memory.
pub(crate) const PAGE_BYTES: usize = 4096;
/// The kernel's largest entry for memory.
const ALIGNMENT: usize = 2 * 1024 * 1024;

/// The heap as the zygote had it when it was done, in the zygote and in all that come of it.
pub(crate) struct Original {
    /// Where it is.
    start: usize,
    /// What was there, and is for ever, once there is something to share.
    content: Option<&'static [u8]>,
}

impl Original {
    /// Has the C library's heap go on where it can be shared.
    pub(crate) fn begin() -> Self {
        // SAFETY: it moves the end of the heap up, as others than the C library may do as well: it goes on behind that.
        let end = unsafe { libc::sbrk(0) } as usize;
        let start = end.next_multiple_of(ALIGNMENT);
        if let Ok(gap) = libc::intptr_t::try_from(start - end) {
            // SAFETY: as above. Nobody uses what is between, so that it takes no memory.
            unsafe { libc::sbrk(gap) };
        }
        Self {
            start,
            content: None,
        }
    }

    /// What is there so far.
    pub(crate) fn range(&self) -> Range<usize> {
        // SAFETY: asking for no memory tells where the heap ends.
        let end = unsafe { libc::sbrk(0) };
        self.start..end as usize
    }

    /// Keeps what is there now as a file, which nobody can change any more, and puts that in the heap's place.
    pub(crate) fn keep(&mut self) -> io::Result<()> {
        // The C library gives the system nothing back that lies below a block which is never freed.
        // SAFETY: `malloc` takes any size. Nobody ever uses the block.
        let anchor = unsafe { libc::malloc(PAGE_BYTES) } as usize;
        let bytes = anchor.saturating_sub(self.start) / PAGE_BYTES * PAGE_BYTES;
        // SAFETY: asking for no memory tells where the heap ends.
        let end = unsafe { libc::sbrk(0) } as usize;
        if bytes == 0 || anchor > end {
            return Ok(());
        }
        let mut file = sealable_file()?;
        // SAFETY: it is the heap of this process, which has a single thread and is here.
        file.write_all(unsafe { std::slice::from_raw_parts(self.start as *const u8, bytes) })?;
        seal(&file)?;
        let map = |place: usize, access, flags| {
            let (place, descriptor) = (place as *mut c_void, file.as_raw_fd());
            // SAFETY: at a place of the kernel's choice nothing is touched, and at the heap's the same bytes stay.
            let address = unsafe { libc::mmap(place, bytes, access, flags, descriptor, 0) };
            if address == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            Ok(address)
        };
        let content = map(0, libc::PROT_READ, libc::MAP_PRIVATE)?;
        // Since the heap was written to the file, nothing has been allocated or freed.
        map(
            self.start,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_FIXED,
        )?;
        // What is in the tables of this process need not be looked up by each fork.
        // SAFETY: it only reads.
        unsafe { libc::madvise(self.start as *mut c_void, bytes, libc::MADV_POPULATE_READ) };
        // SAFETY: it was mapped with this length, is never unmapped, and its file is sealed.
        self.content = Some(unsafe { std::slice::from_raw_parts(content.cast(), bytes) });
        Ok(())
    }

    /// Has an isolate that has nothing to do give back what it need not have.
    pub(crate) fn give_back(&self) {
        if let Some(content) = self.content {
            give_back(self.start, content);
        }
    }
}

/// Gives back the pages of this process that are what they were.
fn give_back(start: usize, content: &[u8]) {
    let is_same = |offset: usize| {
        // SAFETY: this much of the heap was there in the zygote, and is not given back, see `keep`.
        let page = unsafe { std::slice::from_raw_parts((start + offset) as *const u8, PAGE_BYTES) };
        page == &content[offset..offset + PAGE_BYTES]
    };
    let mut offset = 0;
    while offset < content.len() {
        let begin = offset;
        while offset < content.len() && is_same(offset) {
            offset += PAGE_BYTES;
        }
        if offset > begin {
            let place = (start + begin) as *mut c_void;
            // SAFETY: what is read there afterwards is what is there now: the file's pages instead of equal ones. Nothing
            // depends on whether it works.
            unsafe { libc::madvise(place, offset - begin, libc::MADV_DONTNEED) };
        }
        offset += PAGE_BYTES;
    }
}

/// Waits for something to come, however long that takes.
pub(crate) fn wait_readable(socket: BorrowedFd<'_>) {
    let mut entry = libc::pollfd {
        fd: socket.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: the pointer and the count are those of one live entry. Whoever reads next learns what went wrong.
    unsafe { libc::poll(&mut entry, 1, -1) };
}

fn sealable_file() -> io::Result<File> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name ends with a zero, and what comes back is a descriptor that nobody else has.
    unsafe {
        match libc::memfd_create(c"heap".as_ptr(), flags) {
            -1 => Err(io::Error::last_os_error()),
            descriptor => Ok(File::from_raw_fd(descriptor)),
        }
    }
}

/// Nobody who has this file may change it from now on, in memory neither: isolates begin with what is in it.
fn seal(file: &File) -> io::Result<()> {
    let seals = libc::F_SEAL_WRITE | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: the descriptor is open, and the argument is a number.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
