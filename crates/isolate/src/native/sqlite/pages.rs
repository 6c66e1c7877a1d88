//! The pages of one object's database: what was written lately in memory, the rest in the checkpoint file.
//!
//! A page has up to three versions: the one in the file, the last committed one, and the one of the turn under way. The
//! committed one stays in memory until the host says that the file has it.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use protocol::pages::{Encoder, PAGE_BYTES};

pub(crate) type Page = [u8; PAGE_BYTES];

/// Bytes of one part of a commit: a frame has to hold it.
const MAX_PART_BYTES: usize = 8 * 1024 * 1024;
/// Pages that this isolate may hold in memory because no checkpoint has them yet (64 MiB).
const MAX_UNSAVED_PAGES: usize = 64 * 1024 * 1024 / PAGE_BYTES;

thread_local! {
    /// Versions of pages in memory, over all databases of this isolate.
    static UNSAVED_PAGES: Cell<usize> = const { Cell::new(0) };
}

/// Why a page cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteError {
    /// Too many pages wait for a checkpoint.
    Unsaved,
}

#[derive(Default)]
struct Versions {
    /// With the number of the commit that made it.
    committed: Option<(u64, Box<Page>)>,
    working: Option<Box<Page>>,
}

/// All pages of one database.
pub(crate) struct Pages {
    file: Option<File>,
    /// Pages of the file that are as they were committed, unless they are in memory.
    file_pages: u32,
    /// What is in memory.
    memory: BTreeMap<u32, Versions>,
    /// Pages written in this turn.
    touched: Vec<u32>,
    committed_pages: u32,
    working_pages: u32,
    /// The turn has thrown away everything that was before.
    wiped: bool,
    /// The last commit.
    number: u64,
    /// Sizes of commits that no checkpoint has seen, oldest first.
    sizes: VecDeque<(u64, u32)>,
    /// A write was refused since this was last looked at.
    refused: Option<WriteError>,
}

/// What a commit changed.
pub(crate) struct PageCommit {
    pub(crate) number: u64,
    pub(crate) page_count: u32,
    /// Each part stands for itself.
    pub(crate) parts: Vec<Vec<u8>>,
}

impl Pages {
    pub(crate) fn new(file: Option<File>, page_count: u32) -> Self {
        Self {
            file_pages: if file.is_some() { page_count } else { 0 },
            file,
            memory: BTreeMap::new(),
            touched: Vec::new(),
            committed_pages: page_count,
            working_pages: page_count,
            wiped: false,
            number: 0,
            sizes: VecDeque::new(),
            refused: None,
        }
    }

    pub(crate) fn page_count(&self) -> u32 {
        self.working_pages
    }

    /// Reads a page as the turn under way sees it. A page that does not exist is `None`.
    pub(crate) fn read(&self, number: u32, out: &mut Page) -> io::Result<Option<()>> {
        if number == 0 || number > self.working_pages {
            return Ok(None);
        }
        if let Some(page) = self
            .memory
            .get(&number)
            .and_then(|versions| versions.working.as_ref())
        {
            out.copy_from_slice(&page[..]);
            return Ok(Some(()));
        }
        if self.wiped || !self.read_committed(number, out)? {
            out.fill(0);
        }
        Ok(Some(()))
    }

    /// Reads a page as it was last committed; says whether there is one.
    fn read_committed(&self, number: u32, out: &mut Page) -> io::Result<bool> {
        if let Some((_, page)) = self
            .memory
            .get(&number)
            .and_then(|versions| versions.committed.as_ref())
        {
            out.copy_from_slice(&page[..]);
            return Ok(true);
        }
        match &self.file {
            Some(file) if number <= self.file_pages => {
                file.read_exact_at(out, u64::from(number - 1) * PAGE_BYTES as u64)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Writes a page in the turn under way.
    pub(crate) fn write(&mut self, number: u32, page: &Page) -> Result<(), WriteError> {
        let versions = self.memory.entry(number).or_default();
        if let Some(working) = &mut versions.working {
            working.copy_from_slice(page);
        } else {
            if UNSAVED_PAGES.get() >= MAX_UNSAVED_PAGES {
                self.refused = Some(WriteError::Unsaved);
                return Err(WriteError::Unsaved);
            }
            UNSAVED_PAGES.set(UNSAVED_PAGES.get() + 1);
            versions.working = Some(Box::new(*page));
            self.touched.push(number);
        }
        self.working_pages = self.working_pages.max(number);
        Ok(())
    }

    /// Ends the database after `page_count` pages.
    pub(crate) fn truncate(&mut self, page_count: u32) {
        self.working_pages = page_count;
        let memory = &mut self.memory;
        self.touched.retain(|number| {
            let stays = *number <= page_count;
            if !stays
                && let Some(versions) = memory.get_mut(number)
                && versions.working.take().is_some()
            {
                UNSAVED_PAGES.set(UNSAVED_PAGES.get() - 1);
            }
            stays
        });
    }

    /// Throws away every page.
    pub(crate) fn wipe(&mut self) {
        self.truncate(0);
        self.wiped = true;
    }

    /// Why the last write was refused, once.
    pub(crate) fn take_refusal(&mut self) -> Option<WriteError> {
        self.refused.take()
    }

    /// Forgets the turn under way.
    pub(crate) fn roll_back(&mut self) {
        self.truncate(0);
        self.working_pages = self.committed_pages;
        self.wiped = false;
    }

    /// Whether the turn under way changed anything.
    pub(crate) fn is_changed(&self) -> bool {
        self.wiped || !self.touched.is_empty() || self.working_pages != self.committed_pages
    }

    /// Makes the turn's pages the committed ones and says what changed, if anything did or `always`.
    pub(crate) fn commit(&mut self, always: bool) -> io::Result<Option<PageCommit>> {
        if !self.is_changed() && !always {
            return Ok(None);
        }
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        let known_pages = if self.wiped { 0 } else { self.committed_pages };
        let mut parts = Vec::new();
        let mut encoder = Encoder::default();
        let mut same = 0;
        for &number in &touched {
            let mut from_file = [0; PAGE_BYTES];
            let in_memory = self
                .memory
                .get(&number)
                .is_some_and(|versions| versions.committed.is_some());
            let in_file = number <= known_pages
                && !in_memory
                && self.read_committed(number, &mut from_file)?;
            let versions = self
                .memory
                .get_mut(&number)
                .expect("a touched page is in memory");
            let new = versions
                .working
                .take()
                .expect("a touched page has a working version");
            UNSAVED_PAGES.set(UNSAVED_PAGES.get() - 1);
            let old = match &versions.committed {
                _ if number > known_pages => None,
                Some((_, page)) => Some(&**page),
                None if in_file => Some(&from_file),
                None => None,
            };
            if old.is_some_and(|old| *old == *new) {
                if versions.committed.is_none() {
                    self.memory.remove(&number);
                }
                same += 1;
                continue;
            }
            encoder.page(number, old, &new);
            if versions.committed.replace((self.number + 1, new)).is_none() {
                UNSAVED_PAGES.set(UNSAVED_PAGES.get() + 1);
            }
            if encoder.len() >= MAX_PART_BYTES {
                parts.push(std::mem::take(&mut encoder).finish());
            }
        }
        if !encoder.is_empty() || parts.is_empty() {
            parts.push(encoder.finish());
        }
        let unchanged = same == touched.len()
            && self.working_pages == self.committed_pages
            && !self.wiped
            && !always;
        if unchanged {
            return Ok(None);
        }
        self.number += 1;
        if self.wiped {
            let number = self.number;
            self.drop_committed(|_, changed| changed != number);
            self.file_pages = 0;
        } else if self.working_pages < self.committed_pages {
            let page_count = self.working_pages;
            self.drop_committed(|page, _| page > page_count);
            self.file_pages = self.file_pages.min(page_count);
        }
        self.wiped = false;
        self.committed_pages = self.working_pages;
        self.sizes.push_back((self.number, self.committed_pages));
        Ok(Some(PageCommit {
            number: self.number,
            page_count: self.committed_pages,
            parts,
        }))
    }

    fn drop_committed(&mut self, mut goes: impl FnMut(u32, u64) -> bool) {
        self.memory.retain(|page, versions| {
            if let Some((number, _)) = &versions.committed
                && goes(*page, *number)
            {
                versions.committed = None;
                UNSAVED_PAGES.set(UNSAVED_PAGES.get() - 1);
            }
            versions.committed.is_some() || versions.working.is_some()
        });
    }

    /// The file now has everything up to commit `number`.
    ///
    /// # Panics
    /// When there is no such commit yet: going on would read pages that the file does not have.
    pub(crate) fn checkpointed(&mut self, number: u64, file: Option<File>) {
        assert!(
            number <= self.number,
            "a checkpoint of commit {number}, and the last one is {}",
            self.number
        );
        if let Some(file) = file {
            self.file = Some(file);
        }
        let mut file_pages = None;
        while let Some((_, page_count)) = self.sizes.pop_front_if(|(of, _)| *of <= number) {
            file_pages = Some(page_count);
        }
        if self.file.is_some()
            && let Some(mut page_count) = file_pages
        {
            // Later commits may have cut off pages that the file still has.
            for (_, later) in &self.sizes {
                page_count = page_count.min(*later);
            }
            self.file_pages = page_count;
            self.drop_committed(|_, changed| changed <= number);
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let held: usize = self
            .memory
            .values()
            .map(|versions| {
                usize::from(versions.committed.is_some()) + usize::from(versions.working.is_some())
            })
            .sum();
        UNSAVED_PAGES.set(UNSAVED_PAGES.get().saturating_sub(held));
    }
}
