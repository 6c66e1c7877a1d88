//! What new code makes an isolate touch, found out before anybody waits for it.
//!
//! All code that is loaded begins with the same: modules are listed, a request and a response are made, counts of references are
//! kept. A fork finds each page for that anew, and copies those that it writes to. The zygote has a child of its own load a few
//! lines of ours, and remembers which pages that were, so that isolates which wait for code have them already.
#![expect(
    unsafe_code,
    reason = "which pages a process has is asked of a child, and touched, below the language"
)]

use std::ffi::c_void;
use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use protocol::{
    Body, Bounds, Event, Headers, Module, ModuleKind, Program, Redirect, Request, Settings,
    ToIsolate,
};

use crate::isolate::Isolate;
use crate::original::PAGE_BYTES;

/// What a worker of few lines does.
const CODE: &str = "export default { fetch() { return new Response('hello'); } };";

/// Loads a worker of a few lines and has it answer.
fn load(isolate: &Isolate) {
    const MAIN: &str = "main.js";
    let _ = isolate.receive(ToIsolate::Start {
        seed: [0; 32],
        now_ms: 0.0,
    });
    let program = Program {
        name: "rehearsal".to_owned(),
        main: MAIN.to_owned(),
        modules: vec![Module {
            name: MAIN.to_owned(),
            kind: ModuleKind::EsModule,
            content: CODE.as_bytes().to_vec(),
        }],
        compatibility_date: "2026-06-11".to_owned(),
        is_raw: true,
        ..Program::default()
    };
    let settings = Settings {
        memory_bytes: protocol::limits::DEFAULT_MEMORY_BYTES,
        cpu_ms: protocol::limits::DEFAULT_CPU_MS,
        startup_cpu_ms: protocol::limits::STARTUP_CPU_MS,
        global_fetch: None,
        cache: None,
        loopback: None,
        bundler: None,
        is_followed: false,
    };
    let outcome = isolate.evaluate(program, settings);
    isolate.tell_evaluated(outcome);
    let _ = isolate.receive(ToIsolate::Event {
        id: 1,
        now_ms: 0.0,
        object: None,
        bounds: Bounds::default(),
        event: Event::Fetch {
            entrypoint: None,
            props: None,
            request: Request {
                method: "GET",
                url: "http://localhost/",
                headers: Headers(Vec::new()),
                body: Body::None,
                cf: None,
                redirect: Redirect::Manual,
                websocket: false,
            },
        },
    });
    drop(isolate.take_outbox());
}

/// What the kernel maps of a file, once a page of it is read.
const AROUND_BYTES: usize = 16 * PAGE_BYTES;
/// What `/proc/self/pagemap` says of a page, in eight bytes.
const PRESENT: u64 = 1 << 63;
const OF_FILE: u64 = 1 << 61;
const MAPPED_ONCE: u64 = 1 << 56;
/// The child does not take longer, whatever happens.
const PATIENCE_SECONDS: libc::c_uint = 10;
/// Pages of each kind that are remembered at most.
const MAX_PAGES: usize = 512;

/// Addresses of pages that stay where they are.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Of memory that the process writes to.
    written: Vec<usize>,
    /// Of files that the process runs or reads.
    read: Vec<usize>,
}

impl Touched {
    /// What a child has touched when it has loaded code, of this part of the heap and of the program's own files. Nothing when
    /// that cannot be known. To be called while there are files.
    pub(crate) fn by_loading(heap: Range<usize>, isolate: &Isolate) -> Self {
        let Ok(maps) = fs::read_to_string("/proc/self/maps") else {
            return Self::default();
        };
        let files: Vec<Range<usize>> = maps.lines().filter_map(file_of_program).collect();
        by_child(&heap, &files, || load(isolate)).unwrap_or_default()
    }

    /// Has all of that at hand now, as far as the heap still has it.
    pub(crate) fn touch(&self, heap: Range<usize>) {
        let written = self.written.iter().filter(|address| heap.contains(address));
        for address in written {
            let place = *address as *mut u8;
            // SAFETY: it is a byte of this process's own memory, which nobody else writes to, and stays as it is.
            unsafe { place.write_volatile(place.read_volatile()) };
        }
        for address in &self.read {
            // SAFETY: what the program consists of is never unmapped.
            let _ = unsafe { (*address as *const u8).read_volatile() };
        }
    }
}

/// A line of `/proc/self/maps` about a file that the program runs or reads: its code, constants, and those of its libraries.
fn file_of_program(line: &str) -> Option<Range<usize>> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let access = words.next()?;
    let is_file = words.nth(3).is_some_and(|path| path.starts_with('/'));
    let number = |digits| usize::from_str_radix(digits, 16).ok();
    (is_file && matches!(access, "r-xp" | "r--p")).then_some(number(start)?..number(end)?)
}

/// Memory that a child shares with its parent: a count and as many addresses, twice.
type Found = [(usize, [usize; MAX_PAGES]); 2];

/// Has a child do some work, and gives what it touched of this.
fn by_child(heap: &Range<usize>, files: &[Range<usize>], work: impl FnOnce()) -> Option<Touched> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: new memory, all zeros, at a place of the kernel's choice. This process has a single thread, so that its child is
    // a whole copy, which never comes back from here; it has ended when what it found is read.
    unsafe {
        let shared = libc::mmap(
            std::ptr::null_mut(),
            size_of::<Found>(),
            access,
            kind,
            -1,
            0,
        );
        if shared == libc::MAP_FAILED {
            return None;
        }
        let found = shared.cast::<Found>();
        let touched = match libc::fork() {
            -1 => None,
            0 => {
                libc::alarm(PATIENCE_SECONDS);
                work();
                let looked = look(heap, files, &mut *found);
                libc::_exit(i32::from(looked.is_none()));
            }
            child => {
                let mut status = 0;
                while libc::waitpid(child, &mut status, 0) == -1
                    && std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted
                {
                }
                let of = |(count, pages): &(usize, [usize; MAX_PAGES])| pages[..*count].to_vec();
                (status == 0).then(|| Touched {
                    written: of(&(*found)[0]),
                    read: of(&(*found)[1]),
                })
            }
        };
        libc::munmap(shared.cast::<c_void>(), size_of::<Found>());
        touched
    }
}

/// Notes what this process, which has just been forked and done its work, has for itself of the heap, and has at all of files.
fn look(heap: &Range<usize>, files: &[Range<usize>], found: &mut Found) -> Option<()> {
    let kernel = File::open("/proc/self/pagemap").ok()?;
    let [written, read] = found;
    each_page(&kernel, heap, |address, page| {
        if page & PRESENT != 0 && page & MAPPED_ONCE != 0 && page & OF_FILE == 0 {
            note(written, address);
        }
    })?;
    for file in files {
        each_page(&kernel, file, |address, page| {
            let window = address - address % AROUND_BYTES;
            let is_noted = read.0 > 0 && read.1[read.0 - 1] >= window;
            if page & PRESENT != 0 && page & OF_FILE != 0 && !is_noted {
                note(read, address);
            }
        })?;
    }
    Some(())
}

fn note((count, pages): &mut (usize, [usize; MAX_PAGES]), address: usize) {
    if let Some(place) = pages.get_mut(*count) {
        *place = address;
        *count += 1;
    }
}

fn each_page(kernel: &File, range: &Range<usize>, mut look: impl FnMut(usize, u64)) -> Option<()> {
    const AT_ONCE: usize = 64;
    let mut pages = [0; 8 * AT_ONCE];
    let mut at = range.start;
    while at < range.end {
        let count = AT_ONCE.min((range.end - at).div_ceil(PAGE_BYTES));
        let bytes = &mut pages[..8 * count];
        kernel
            .read_exact_at(bytes, (at / PAGE_BYTES * 8) as u64)
            .ok()?;
        for (index, page) in bytes.chunks_exact(8).enumerate() {
            let page = u64::from_ne_bytes(page.try_into().ok()?);
            look(at + index * PAGE_BYTES, page);
        }
        at += count * PAGE_BYTES;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_child_writes_to_is_found() {
        const PAGES: usize = 40;
        let memory = vec![1_u8; (PAGES + 1) * PAGE_BYTES];
        let start = (memory.as_ptr() as usize).next_multiple_of(PAGE_BYTES);
        let page = |number: usize| start + number * PAGE_BYTES;
        let write = || {
            for number in [3, 4, 38] {
                // SAFETY: the child is alone in its copy of this memory.
                unsafe { (page(number) as *mut u8).write_volatile(2) };
            }
        };
        let touched = by_child(&(start..page(PAGES)), &[], write).unwrap();
        assert_eq!(touched.written, [3, 4, 38].map(page));
        assert!(touched.read.is_empty());
    }

    #[test]
    fn files_of_a_program_are_told_from_its_memory() {
        let lines = [
            "5000-7000 r-xp 00001000 08:01 12 /usr/bin/program",
            "7000-8000 r--p 00003000 08:01 12 /usr/bin/program",
            "8000-9000 rw-p 00004000 08:01 12 /usr/bin/program",
            "9000-a000 rw-p 00000000 00:00 0 [heap]",
            "a000-b000 r-xp 00000000 00:00 0 [vdso]",
            "b000-c000 r--p 00000000 00:00 0",
        ];
        let found: Vec<_> = lines
            .iter()
            .filter_map(|line| file_of_program(line))
            .collect();
        assert_eq!(found, [0x5000..0x7000, 0x7000..0x8000]);
    }
}
