//! The catalog as a file, so that recovery need not read the whole log.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::bookmark::{Bookmark, Moment};
use crate::catalog::Catalog;
use crate::disk::Disk;
use crate::record::{Key, check, is_folder_name};
use crate::segment::replace_file;
use crate::shared::Shared;

const MAGIC: &[u8; 8] = b"atoll\0ct";
/// Objects that are written down before others get at the catalog.
const OBJECTS_AT_ONCE: usize = 1000;

#[derive(Debug, Serialize, Deserialize)]
enum Line<'a> {
    /// What the log says from this position on is not in the file, or only in part.
    Begin {
        position: u64,
        next_number: u32,
    },
    Namespace {
        number: u32,
        key: &'a str,
        folder: &'a str,
    },
    Object {
        key: Key,
        name: Option<&'a str>,
        page_count: u32,
        last: Moment,
        /// With the position of the record that set it.
        alarm: Option<(f64, u64)>,
    },
    Restore {
        key: Key,
        bookmark: Bookmark,
    },
    End,
}

fn write(bytes: &mut Vec<u8>, line: &Line<'_>) {
    *bytes = postcard::to_extend(line, std::mem::take(bytes))
        .expect("lines are plain data, which encodes");
}

impl Shared {
    pub(crate) fn snapshot_is_due(&self) -> bool {
        let core = self.core();
        let objects: usize = core
            .catalog
            .namespaces
            .values()
            .map(|namespace| namespace.objects.len())
            .sum();
        // A large catalog is not worth writing for every bit of log.
        let enough = self.options.segment_bytes.max(objects as u64 * 200);
        core.queue.next() - core.cataloged >= enough
    }

    /// Writes the catalog down. Others go on meanwhile: the file may have some of what they do and not all, which
    /// reading the log from `Begin` on makes whole.
    pub(crate) fn snapshot(&self) -> Result<(), Error> {
        let _upkeep = self.upkeep();
        let mut bytes = MAGIC.to_vec();
        let core = self.core();
        let position = core.queue.next();
        let next_number = core.catalog.next_number();
        write(
            &mut bytes,
            &Line::Begin {
                position,
                next_number,
            },
        );
        let numbers: Vec<u32> = core.catalog.namespaces.keys().copied().collect();
        drop(core);
        for number in numbers {
            self.write_namespace(&mut bytes, number);
        }
        let core = self.core();
        for (key, bookmark) in &core.catalog.restores {
            let (key, bookmark) = (*key, *bookmark);
            write(&mut bytes, &Line::Restore { key, bookmark });
        }
        let end = core.queue.next();
        drop(core);
        write(&mut bytes, &Line::End);
        let sum = check(self.log, &bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        self.wait_durable(end)?;
        let path = self.folder.join("catalog");
        replace_file(&*self.options.disk, &path, &bytes)
            .map_err(Error::io("write the catalog", &path))?;
        self.core().cataloged = position;
        Ok(())
    }

    fn write_namespace(&self, bytes: &mut Vec<u8>, number: u32) {
        use std::ops::Bound::{Excluded, Unbounded};
        let mut after = None;
        let mut is_new = true;
        loop {
            let core = self.core();
            let Some(namespace) = core.catalog.namespaces.get(&number) else {
                return;
            };
            if std::mem::take(&mut is_new) {
                write(
                    bytes,
                    &Line::Namespace {
                        number,
                        key: &namespace.key,
                        folder: &namespace.folder,
                    },
                );
            }
            let from = after.map_or(Unbounded, Excluded);
            let mut count = 0;
            for (id, entry) in namespace
                .objects
                .range((from, Unbounded))
                .take(OBJECTS_AT_ONCE)
            {
                count += 1;
                after = Some(*id);
                if !entry.made {
                    continue;
                }
                let key = Key {
                    namespace: number,
                    id: *id,
                };
                let version = core.catalog.alarm_version(&key).unwrap_or_default();
                write(
                    bytes,
                    &Line::Object {
                        key,
                        name: entry.name.as_deref(),
                        page_count: entry.page_count,
                        last: entry.last,
                        alarm: entry.alarm().map(|time| (time, version)),
                    },
                );
            }
            if count < OBJECTS_AT_ONCE {
                return;
            }
        }
    }
}

/// The catalog in a file, and from where on the log has to be read. `None` when there is no file.
pub(crate) fn read(
    disk: &dyn Disk,
    path: &Path,
    log: u64,
) -> Result<Option<(Catalog, u64)>, Error> {
    let file = match disk.open_to_read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(Error::io("open the catalog", path))?,
    };
    let length = file.len().map_err(Error::io("look at the catalog", path))?;
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    file.read_at(&mut bytes, 0)
        .map_err(Error::io("read the catalog", path))?;
    parse(&bytes, log).map(Some).ok_or_else(|| Error::Damaged {
        path: path.to_owned(),
        offset: 0,
        reason: "this is no catalog of this log",
    })
}

fn parse(bytes: &[u8], log: u64) -> Option<(Catalog, u64)> {
    let (content, sum) = bytes.split_last_chunk::<4>()?;
    if u32::from_le_bytes(*sum) != check(log, content) {
        return None;
    }
    let mut rest = content.strip_prefix(MAGIC)?;
    let mut catalog = Catalog::default();
    let mut position = 0;
    loop {
        let (line, after) = postcard::take_from_bytes(rest).ok()?;
        rest = after;
        match line {
            Line::Begin {
                position: from,
                next_number,
            } => {
                position = from;
                catalog.reserve_numbers(next_number);
            }
            Line::Namespace {
                number,
                key,
                folder,
            } => {
                if !is_folder_name(folder, number) {
                    return None;
                }
                catalog.add_namespace(number, key, folder);
            }
            Line::Object {
                key,
                name,
                page_count,
                last,
                alarm,
            } => {
                let entry = catalog.entry_or_new(&key)?;
                entry.made = true;
                entry.untold = false;
                entry.name = name.map(Into::into);
                entry.page_count = page_count;
                entry.last = last;
                if let Some((time, version)) = alarm {
                    catalog.set_alarm(&key, Some(time), version);
                }
            }
            Line::Restore { key, bookmark } => {
                catalog.restores.insert(key, bookmark);
            }
            Line::End => return rest.is_empty().then_some((catalog, position)),
        }
    }
}
