//! Bringing transactions from the log to objects' files.
//!
//! A file is only changed after the log has, on the disk, what it takes to undo the change. That is what makes it
//! possible to go back from a file to an earlier state, and to leave history to the log alone.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::pages::{Encoder, PAGE_BYTES, changes};

use crate::Error;
use crate::bookmark::Moment;
use crate::disk::File;
use crate::live::{Part, Transaction};
use crate::log::Urgency;
use crate::options::Checkpoint;
use crate::record::{self, Key, Record};
use crate::shared::{Core, Shared};

/// Pages that are brought to a file at a time.
const GROUP_PAGES: usize = 512;

pub(crate) type Page = [u8; PAGE_BYTES];

/// An object's file that is being written.
struct Flush {
    key: Key,
    path: PathBuf,
    file: Arc<dyn File>,
    /// Pages in the file now.
    pages: u32,
    mixed: bool,
    transactions: Vec<Transaction>,
    /// The transaction that comes next, or of which some is in the file.
    transaction: usize,
    /// The part of it that comes next, or of which some is in the file.
    part: usize,
    /// Pages of that part that were looked at.
    skip: usize,
    /// That part, when it had to be read.
    content: Option<Vec<u8>>,
}

/// What one step does to a file.
struct Group {
    first: Moment,
    last: Moment,
    mixed: bool,
    /// Pages with what they were.
    pages: BTreeMap<u32, (Box<Page>, Box<Page>)>,
    page_count: u32,
}

/// Whether a flush is for the one who holds the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Me,
    Nobody,
}

/// Reads a page, with zeros for what the file does not have.
pub(crate) fn read_page(file: &dyn File, number: u32) -> io::Result<Box<Page>> {
    let mut page = Box::new([0; PAGE_BYTES]);
    file.read_at(&mut page[..], offset(number))?;
    Ok(page)
}

/// Where a page is in a file.
pub(crate) fn offset(number: u32) -> u64 {
    (u64::from(number) - 1) * PAGE_BYTES as u64
}

/// How many pages a file has.
pub(crate) fn pages_of(file: &dyn File) -> io::Result<u32> {
    let pages = file.len()?.div_ceil(PAGE_BYTES as u64);
    u32::try_from(pages).map_err(|_| io::Error::other("the file is larger than a database can be"))
}

impl Core {
    /// Keeps what a flush took and did not bring to the file.
    fn put_back(&mut self, key: &Key, mut transactions: Vec<Transaction>) {
        if let Some(live) = self.catalog.live_mut(key) {
            live.flushing = false;
            transactions.append(&mut live.pending);
            live.pending = transactions;
        }
        self.pin(key);
    }
}

impl Shared {
    /// Brings everything that is complete of these objects to their files.
    pub(crate) fn flush(&self, keys: &[Key], holder: Holder) -> Result<(), Error> {
        let mut flushes = Vec::new();
        let mut result = Ok(());
        for key in keys {
            match self.begin_flush(key, holder) {
                Ok(flush) => flushes.extend(flush),
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        let mut waiting: Vec<&mut Flush> = flushes.iter_mut().collect();
        while result.is_ok() && !waiting.is_empty() {
            result = self.flush_groups(&mut waiting);
        }
        let complete = result.is_ok();
        for flush in flushes {
            self.end_flush(flush, complete);
        }
        self.changed.notify_all();
        result
    }

    /// Takes what an object's file lacks. `None` when there is nothing.
    fn begin_flush(&self, key: &Key, holder: Holder) -> Result<Option<Flush>, Error> {
        let mut core = self.core();
        while core.catalog.live(key).is_some_and(|live| live.flushing) {
            core.check()?;
            core = self.wait(core);
        }
        core.check()?;
        let path = self.object_path(&core, key);
        let Some(live) = core.catalog.live_mut(key) else {
            return Ok(None);
        };
        if live.pending.is_empty() || (live.held && holder == Holder::Nobody) {
            return Ok(None);
        }
        live.flushing = true;
        let transactions = std::mem::take(&mut live.pending);
        let mixed = std::mem::replace(&mut live.mixed, true);
        drop(core);
        match self.open_object_file(&path) {
            Ok((file, pages)) => Ok(Some(Flush {
                key: *key,
                path,
                file,
                pages,
                mixed,
                transactions,
                transaction: 0,
                part: 0,
                skip: 0,
                content: None,
            })),
            Err(error) => {
                let mut core = self.core();
                core.put_back(key, transactions);
                if let Some(live) = core.catalog.live_mut(key) {
                    live.mixed = mixed;
                }
                drop(core);
                self.changed.notify_all();
                Err(error)
            }
        }
    }

    fn open_object_file(&self, path: &Path) -> Result<(Arc<dyn File>, u32), Error> {
        let disk = &self.options.disk;
        let opened = match disk.open(path, false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = path.parent().unwrap_or(&self.folder);
                disk.make_folder(folder)
                    .map_err(Error::io("make the folder", folder))?;
                let mut core = self.core();
                core.unsynced.folders.insert(folder.to_owned());
                // The folder's own name has to last too.
                core.unsynced.folders.insert(self.folder.join("objects"));
                drop(core);
                disk.open(path, true)
            }
            other => other,
        };
        let file = opened.map_err(Error::io("open the object's file", path))?;
        let pages = pages_of(&*file).map_err(Error::io("look at", path))?;
        Ok((file, pages))
    }

    /// One group of pages of every file: first how to undo them, then the pages.
    fn flush_groups(&self, flushes: &mut Vec<&mut Flush>) -> Result<(), Error> {
        let mut groups = Vec::new();
        let mut end = 0;
        while groups.len() < flushes.len() {
            let index = groups.len();
            let flush = &mut flushes[index];
            let Some(group) = flush.next_group(self)? else {
                flushes.swap_remove(index);
                continue;
            };
            end = self.append_undo(flush, &group)?;
            groups.push(group);
        }
        self.wait_durable(end)?;
        for (flush, group) in flushes.iter_mut().zip(groups) {
            flush
                .write(&group)
                .map_err(Error::io("write the object's file", &flush.path))?;
        }
        Ok(())
    }

    /// Logs what takes a group back. Gives the position that has to be on the disk before the file changes.
    fn append_undo(&self, flush: &Flush, group: &Group) -> Result<u64, Error> {
        let mut encoder = Encoder::default();
        for (number, (old, new)) in &group.pages {
            if *number <= flush.pages && old != new {
                encoder.page(*number, Some(new), old);
            }
        }
        // Going back means applying later records first, so the first one is the last that is needed.
        let mut mixed = group.mixed;
        let mut next = group.page_count + 1;
        loop {
            // Pages that are cut off can be more than fit a record.
            for number in (next..=flush.pages).take(GROUP_PAGES) {
                let old = read_page(&*flush.file, number)
                    .map_err(Error::io("read the object's file", &flush.path))?;
                encoder.page(number, None, &old);
                next = number + 1;
            }
            let changes = std::mem::take(&mut encoder).finish();
            let record = Record::Undo(record::Undo {
                object: flush.key,
                first: group.first,
                through: group.last,
                mixed,
                page_count: flush.pages,
                changes: &changes,
            });
            let (core, placed) = self.append_record(self.core(), &record, Urgency::Upkeep)?;
            drop(core);
            if next > flush.pages {
                return Ok(placed.end.position);
            }
            mixed = true;
        }
    }

    fn end_flush(&self, flush: Flush, complete: bool) {
        let (Some(first), Some(last)) = (flush.transactions.first(), flush.transactions.last())
        else {
            return;
        };
        let (first, number, epoch) = (first.first.position, last.number, last.epoch);
        let mut core = self.core();
        let now_ms = self.now_ms();
        let unsynced = &mut core.unsynced;
        if unsynced.first.is_none() {
            unsynced.since_ms = now_ms;
        }
        unsynced.files.insert(flush.path.clone(), flush.file);
        unsynced.first = Some(unsynced.first.map_or(first, |other| other.min(first)));
        if !complete {
            core.put_back(&flush.key, flush.transactions);
            return;
        }
        let bytes: usize = flush.transactions.iter().map(|each| each.bytes).sum();
        core.pending_bytes -= bytes;
        let namespace = Self::namespace(&core, flush.key.namespace);
        let Some(live) = core.catalog.live_mut(&flush.key) else {
            return;
        };
        live.flushing = false;
        live.mixed = false;
        live.pending_bytes -= bytes;
        let mut told = None;
        if live.open && live.epoch == epoch {
            let file = match live.has_descriptor {
                true => Ok(None),
                false => self.descriptor(&flush.path).map(Some),
            };
            match file {
                Ok(file) => {
                    live.has_descriptor |= file.is_some();
                    told = namespace.map(|namespace| Checkpoint {
                        namespace,
                        id: flush.key.id,
                        epoch,
                        number,
                        file,
                    });
                }
                // The isolate keeps its pages, and is told with the next checkpoint.
                Err(error) => tracing::warn!(%error, "no descriptor for an object"),
            }
        }
        core.settle(&flush.key);
        drop(core);
        if let Some(checkpoint) = told {
            (self.options.on_checkpoint)(checkpoint);
        }
    }

    /// A descriptor of an object's file that only reads.
    pub(crate) fn descriptor(&self, path: &Path) -> Result<std::os::fd::OwnedFd, Error> {
        let file = self
            .options
            .disk
            .open_to_read(path)
            .map_err(Error::io("open the object's file", path))?;
        file.descriptor()
            .map_err(Error::io("open the object's file", path))
    }
}

impl Flush {
    /// The next pages to bring to the file. `None` at the end.
    fn next_group(&mut self, shared: &Shared) -> Result<Option<Group>, Error> {
        let Some(next) = self.transactions.get(self.transaction) else {
            return Ok(None);
        };
        let mut group = Group {
            first: next.first,
            last: next.last,
            mixed: self.mixed || self.part > 0 || self.skip > 0,
            pages: BTreeMap::new(),
            page_count: self.pages,
        };
        while let Some(next) = self.transactions.get(self.transaction) {
            let page_count = next.page_count;
            let last = next.last;
            if !self.add_to(&mut group, shared)? {
                if self.part > 0 || self.skip > 0 {
                    // What is written so far must not be cut off before the rest comes.
                    group.page_count = group.page_count.max(page_count);
                    group.last = last;
                }
                break;
            }
            group.last = last;
            (self.transaction, self.part) = (self.transaction + 1, 0);
            let shrinks = page_count < group.page_count;
            group.page_count = page_count;
            if shrinks {
                // Whatever comes after it must find zeros where pages were cut off.
                group.pages.retain(|number, _| *number <= page_count);
                break;
            }
        }
        Ok(Some(group))
    }

    /// Adds what fits of the present transaction. Says whether that was all of it.
    fn add_to(&mut self, group: &mut Group, shared: &Shared) -> Result<bool, Error> {
        let transaction = &self.transactions[self.transaction];
        while let Some(part) = transaction.parts.get(self.part) {
            let bytes = match part {
                Part::Memory(bytes) => bytes,
                Part::Log(position) => match &mut self.content {
                    Some(content) => content,
                    none => none.insert(shared.read_changes(*position)?),
                },
            };
            for change in changes(bytes)?.skip(self.skip) {
                if group.pages.len() >= GROUP_PAGES && !group.pages.contains_key(&change.number) {
                    return Ok(false);
                }
                self.skip += 1;
                if change.number > transaction.page_count {
                    continue;
                }
                let (_, new) = match group.pages.entry(change.number) {
                    Entry::Occupied(entry) => entry.into_mut(),
                    Entry::Vacant(entry) => {
                        let old = read_page(&*self.file, change.number)
                            .map_err(Error::io("read the object's file", &self.path))?;
                        entry.insert((old.clone(), old))
                    }
                };
                change.apply(new);
            }
            (self.part, self.skip, self.content) = (self.part + 1, 0, None);
        }
        Ok(true)
    }

    fn write(&mut self, group: &Group) -> io::Result<()> {
        // Neighbours go in one write.
        let mut run: Vec<u8> = Vec::new();
        let mut start = 0;
        for (number, (old, new)) in &group.pages {
            if old == new && *number <= self.pages {
                continue;
            }
            let end = start + (run.len() / PAGE_BYTES) as u64;
            if u64::from(*number) != end {
                if !run.is_empty() {
                    self.file.write_at(&run, (start - 1) * PAGE_BYTES as u64)?;
                }
                run.clear();
                start = u64::from(*number);
            }
            run.extend_from_slice(&new[..]);
        }
        if !run.is_empty() {
            self.file.write_at(&run, (start - 1) * PAGE_BYTES as u64)?;
        }
        let length = u64::from(group.page_count) * PAGE_BYTES as u64;
        if self.file.len()? != length {
            self.file.set_len(length)?;
        }
        self.pages = group.page_count;
        Ok(())
    }
}
