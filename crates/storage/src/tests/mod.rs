//! Promises about what is stored, on a disk that loses what was not synced.

mod files;
mod history;
mod killed;
mod model;
mod promises;
mod simulated;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use protocol::pages::{Encoder, PAGE_BYTES};

use crate::disk::{Disk, File};
use crate::{Commit, Error, Namespace, Object, Opened, Options, Position, Store};

/// What an object's database is, without SQLite.
pub(crate) type Pages = Vec<[u8; PAGE_BYTES]>;

/// A page that says what it is.
pub(crate) fn page(content: u64) -> [u8; PAGE_BYTES] {
    let mut page = [0; PAGE_BYTES];
    page[..8].copy_from_slice(&content.to_le_bytes());
    page[2000..2008].copy_from_slice(&(!content).to_le_bytes());
    page[PAGE_BYTES - 8..].copy_from_slice(&content.to_le_bytes());
    page
}

/// The changes between two states.
pub(crate) fn changes(old: &Pages, new: &Pages) -> Vec<u8> {
    let mut encoder = Encoder::default();
    for (index, page) in new.iter().enumerate() {
        let before = old.get(index);
        if before != Some(page) {
            encoder.page(u32::try_from(index + 1).unwrap(), before, page);
        }
    }
    encoder.finish()
}

/// An instance with what it has in memory.
pub(crate) struct Instance {
    pub(crate) object: Object,
    pub(crate) pages: Pages,
    number: u64,
    /// Which commit changed each page last.
    changed: Vec<u64>,
    /// All commits up to this one are in the file, as far as it was told.
    told: u64,
}

impl Instance {
    pub(crate) fn open(store: &Store, namespace: &Namespace, id: u8) -> Self {
        Self::new(store.open_object(namespace, [id; 32], None).unwrap())
    }

    pub(crate) fn new(opened: Opened) -> Self {
        let mut pages = Pages::new();
        if let Some(descriptor) = &opened.file {
            use std::os::unix::fs::FileExt;
            let file = std::fs::File::from(descriptor.try_clone().unwrap());
            for index in 0..opened.page_count {
                let mut page = [0; PAGE_BYTES];
                file.read_exact_at(&mut page, u64::from(index) * PAGE_BYTES as u64)
                    .unwrap();
                pages.push(page);
            }
        }
        assert_eq!(pages.len(), opened.page_count as usize);
        Self {
            object: opened.object,
            changed: vec![0; pages.len()],
            pages,
            number: 0,
            told: 0,
        }
    }

    /// A checkpoint says up to which commit the file has everything.
    pub(crate) fn is_told(&mut self, number: u64) {
        let last = self.number;
        assert!(
            number <= last,
            "told of commit {number}, {last} is the last"
        );
        self.told = self.told.max(number);
    }

    /// What an isolate no longer keeps in memory, it reads from the file, at whatever moment: that has to be right.
    pub(crate) fn check_file(&self, file: &dyn File) {
        for (index, (page, changed)) in self.pages.iter().zip(&self.changed).enumerate() {
            if *changed > self.told {
                continue;
            }
            let mut found = [0; PAGE_BYTES];
            file.read_at(&mut found, (index * PAGE_BYTES) as u64)
                .unwrap();
            assert!(
                found == *page,
                "page {} is another one in the file",
                index + 1
            );
        }
    }

    pub(crate) fn become_(&mut self, pages: Pages) -> Result<Position, Error> {
        let changes = changes(&self.pages, &pages);
        let position = self.object.commit(Commit {
            number: self.number + 1,
            page_count: u32::try_from(pages.len()).unwrap(),
            changes: &changes,
            alarm: None,
            more: false,
        })?;
        self.number += 1;
        self.changed.resize(pages.len(), 0);
        for (index, page) in pages.iter().enumerate() {
            if self.pages.get(index) != Some(page) {
                self.changed[index] = self.number;
            }
        }
        self.pages = pages;
        Ok(position)
    }

    pub(crate) fn set(&mut self, contents: &[u64]) -> Result<Position, Error> {
        self.become_(contents.iter().copied().map(page).collect())
    }

    pub(crate) fn contents(&self) -> Vec<u64> {
        contents(&self.pages)
    }
}

pub(crate) fn contents(pages: &Pages) -> Vec<u64> {
    pages
        .iter()
        .map(|each| {
            let content = u64::from_le_bytes(*each.first_chunk().unwrap());
            assert!(
                *each == page(content) || *each == [0; PAGE_BYTES],
                "a torn page"
            );
            content
        })
        .collect()
}

/// What a file holds.
pub(crate) fn file_contents(path: &Path) -> Vec<u64> {
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(bytes.len() % PAGE_BYTES, 0);
    contents(
        &bytes
            .chunks(PAGE_BYTES)
            .map(|c| c.try_into().unwrap())
            .collect(),
    )
}

/// Options with a clock that the test moves and no threads: everything happens in calls.
pub(crate) fn manual(disk: Arc<dyn Disk>, clock: &Arc<AtomicU64>) -> Options {
    let clock = clock.clone();
    Options {
        disk,
        threads: false,
        segment_bytes: 64 << 10,
        checkpoint_after_bytes: 16 << 10,
        clock: Box::new(move || clock.load(Ordering::Relaxed)),
        ..Options::default()
    }
}

/// Every object's contents, read by opening it.
pub(crate) fn all_contents(store: &Store, namespace: &Namespace) -> BTreeMap<u8, Vec<u64>> {
    let ids: Vec<[u8; 32]> = store.objects(namespace).map(|object| object.id).collect();
    ids.into_iter()
        .map(|id| {
            let instance = Instance::new(store.open_object(namespace, id, None).unwrap());
            (id[0], instance.contents())
        })
        .collect()
}
