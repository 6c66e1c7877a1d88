//! Going back: from a copy of an object's file to a state that it had earlier.
//!
//! Undos are applied from the newest on, until the file is at or before the moment that is wanted; then transactions
//! bring it forward to that moment.

use std::io;
use std::sync::Arc;

use protocol::pages::{PAGE_BYTES, changes};

use crate::bookmark::{Bookmark, Moment};
use crate::disk::File;
use crate::flush::{offset, read_page};
use crate::log::Segment;
use crate::record::{HEADER_BYTES, Header, Key, Record, check};
use crate::segment::{PREFIX_BYTES, Reader};
use crate::shared::Shared;
use crate::{AlarmChange, Error};

/// What the log says about one object in one record.
#[derive(Clone, Copy, Debug)]
struct Item {
    start: Moment,
    end: Moment,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Commit {
        epoch: u64,
        number: u64,
        page_count: u32,
        alarm: Option<AlarmChange>,
        more: bool,
        restores: bool,
    },
    Alarm(Option<f64>),
    Undo {
        first: Moment,
        through: Moment,
        mixed: bool,
    },
    Deleted,
    Started,
}

/// What to do to a file.
#[derive(Debug, Default)]
struct Plan {
    /// Positions of undos, in the order to apply them.
    undos: Vec<u64>,
    /// Transactions from here on bring the file forward.
    from: Option<Moment>,
    /// The file was between states when it was written from here on: earlier undos have to follow, as far as one of a
    /// whole state that is no later.
    mixed: Option<Moment>,
}

impl Plan {
    fn new(items: &[Item], target: Moment) -> Self {
        let mut plan = Self::default();
        for item in items.iter().rev() {
            let Kind::Undo {
                first,
                through,
                mixed,
            } = item.kind
            else {
                continue;
            };
            if plan.mixed.is_none() && through <= target {
                break;
            }
            plan.undos.push(item.start.position);
            plan.from = Some(first);
            if mixed {
                plan.mixed = Some(plan.mixed.map_or(first, |other| other.min(first)));
            } else if plan.mixed.is_some_and(|other| first <= other) {
                plan.mixed = None;
            }
            if plan.mixed.is_none() && first <= target {
                break;
            }
        }
        plan
    }

    /// All that it needs is in the log from this moment on.
    fn is_complete(&self, from: Moment, target: Moment) -> bool {
        let reaches = self
            .from
            .is_none_or(|first| first > target || first.position >= from.position);
        self.mixed.is_none() && from <= target && reaches
    }
}

impl Shared {
    /// The state that a bookmark means. `upto` is where the log ends that counts.
    pub(crate) fn target(
        &self,
        key: &Key,
        bookmark: &Bookmark,
        upto: u64,
    ) -> Result<Moment, Error> {
        if !bookmark.belongs_to(key) {
            return Err(Error::OtherBookmark);
        }
        if !bookmark.before_restore {
            return Ok(bookmark.moment);
        }
        let segments = self.segments().clone();
        let ends = segments.iter().skip(1).map(|next| next.start);
        for (segment, end) in segments.iter().zip(ends.chain([upto])) {
            if end <= bookmark.moment.position {
                continue;
            }
            for item in self.items(segment, end.min(upto), key)? {
                if matches!(item.kind, Kind::Commit { restores: true, .. })
                    && item.start >= bookmark.moment
                {
                    return Ok(item.start);
                }
            }
        }
        // It has not happened yet, so this is the present state.
        Ok(Moment {
            time_ms: u64::MAX,
            position: u64::MAX,
        })
    }

    /// Takes a copy of an object's file back to a moment. The file has everything of the object that comes before
    /// `upto` in the log. Gives the pages that it has then.
    pub(crate) fn rewind(
        &self,
        key: &Key,
        file: &dyn File,
        target: Moment,
        upto: u64,
    ) -> Result<(), Error> {
        let (items, plan) = self.way_back(key, target, upto)?;
        for position in &plan.undos {
            self.take_back(file, *position)?;
        }
        match plan.from {
            Some(from) => self.bring_forward(file, &items, from, target),
            None => Ok(()),
        }
    }

    /// Whether the log reaches back to a moment of an object whose file has everything that comes before `upto`.
    pub(crate) fn check_reach(&self, key: &Key, target: Moment, upto: u64) -> Result<(), Error> {
        self.way_back(key, target, upto).map(drop)
    }

    /// What there is to do to take an object back, and what the log says of it meanwhile.
    fn way_back(&self, key: &Key, target: Moment, upto: u64) -> Result<(Vec<Item>, Plan), Error> {
        self.wait_durable(upto)?;
        let segments = self.segments().clone();
        let mut items: Vec<Item> = Vec::new();
        let mut end = upto;
        let mut plan = Plan::default();
        let mut complete = false;
        for segment in segments.iter().rev() {
            if segment.start >= upto {
                continue;
            }
            let mut found = self.items(segment, end, key)?;
            end = segment.start;
            let deleted = found
                .iter()
                .rposition(|item| matches!(item.kind, Kind::Deleted));
            let mut from = Moment {
                time_ms: segment.time_ms,
                position: segment.start,
            };
            if segment.start == 0 {
                from.time_ms = 0;
            }
            if let Some(deleted) = deleted {
                // What was there before is another life of it.
                found.drain(..deleted);
                from = found[0].end;
            }
            found.append(&mut items);
            items = found;
            plan = Plan::new(&items, target);
            complete = plan.is_complete(from, target);
            if complete || deleted.is_some() {
                break;
            }
        }
        if !complete {
            return Err(Error::OutOfRetention);
        }
        Ok((items, plan))
    }

    fn take_back(&self, file: &dyn File, position: u64) -> Result<(), Error> {
        let body = self.read_body(position)?;
        let Some(Record::Undo(undo)) = Record::decode(&body) else {
            return Err(Error::OutOfRetention);
        };
        apply(file, undo.changes, undo.page_count)
    }

    fn bring_forward(
        &self,
        file: &dyn File,
        items: &[Item],
        from: Moment,
        target: Moment,
    ) -> Result<(), Error> {
        let mut parts: Vec<(u64, u64, u64)> = Vec::new();
        for item in items {
            if item.start < from {
                continue;
            }
            match item.kind {
                Kind::Started => parts.clear(),
                Kind::Commit {
                    epoch,
                    number,
                    page_count,
                    more,
                    ..
                } => {
                    parts.retain(|(e, n, _)| (*e, *n) == (epoch, number));
                    parts.push((epoch, number, item.start.position));
                    if more {
                        continue;
                    }
                    if item.end > target {
                        return Ok(());
                    }
                    for (_, _, position) in parts.drain(..) {
                        apply(file, &self.read_changes(position)?, page_count)?;
                    }
                }
                Kind::Alarm(_) | Kind::Undo { .. } | Kind::Deleted => {}
            }
        }
        Ok(())
    }

    /// What has to become of an object's alarm for it to be what it was at a moment: nothing when it has not changed since,
    /// or when that is longer ago than the log knows.
    pub(crate) fn alarm_back(
        &self,
        key: &Key,
        target: Moment,
        upto: u64,
    ) -> Result<Option<AlarmChange>, Error> {
        self.wait_durable(upto)?;
        let segments = self.segments().clone();
        let (mut end, mut changed) = (upto, false);
        for segment in segments.iter().rev() {
            if segment.start >= upto {
                continue;
            }
            for item in self.items(segment, end, key)?.iter().rev() {
                let change = match item.kind {
                    Kind::Commit {
                        alarm: Some(change),
                        more: false,
                        ..
                    } => change,
                    Kind::Alarm(Some(time)) => AlarmChange::Set(time),
                    Kind::Alarm(None) => AlarmChange::Delete,
                    // What was there before is another life of it.
                    Kind::Deleted => return Ok(changed.then_some(AlarmChange::Delete)),
                    _ => continue,
                };
                if item.end <= target {
                    return Ok(changed.then_some(change));
                }
                changed = true;
            }
            end = segment.start;
            let before = (segment.time_ms, segment.start) <= (target.time_ms, target.position);
            if before && !changed {
                return Ok(None);
            }
            if segment.start == 0 {
                return Ok(changed.then_some(AlarmChange::Delete));
            }
        }
        Ok(None)
    }

    /// What a segment says about an object, up to a position.
    fn items(&self, segment: &Segment, end: u64, key: &Key) -> Result<Vec<Item>, Error> {
        let mut items = Vec::new();
        let mut reader = match Reader::open(&*self.options.disk, &segment.path, self.log) {
            Err(Error::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
                return Err(Error::OutOfRetention);
            }
            other => other?,
        };
        while reader.position() < end {
            let position = reader.position();
            let Some((header, body)) = reader.next()? else {
                return Err(Error::Damaged {
                    path: segment.path.clone(),
                    offset: PREFIX_BYTES + (position - segment.start),
                    reason: "a record in the middle of the log is broken",
                });
            };
            let Some(kind) = Record::decode(body).and_then(|record| kind(&record, key)) else {
                continue;
            };
            let at = |position| Moment {
                time_ms: header.time_ms,
                position,
            };
            items.push(Item {
                start: at(header.position),
                end: at(header.end()),
                kind,
            });
        }
        Ok(items)
    }

    /// The page changes in the record that starts at a position.
    pub(crate) fn read_changes(&self, position: u64) -> Result<Vec<u8>, Error> {
        let body = self.read_body(position)?;
        match Record::decode(&body) {
            Some(Record::Commit(commit)) => Ok(commit.changes.to_vec()),
            _ => Err(Error::OutOfRetention),
        }
    }

    /// The body of the record that starts at a position.
    fn read_body(&self, position: u64) -> Result<Vec<u8>, Error> {
        self.wait_durable(position + 1)?;
        let segment = {
            let segments = self.segments();
            let after = segments.partition_point(|segment| segment.start <= position);
            let segment = after.checked_sub(1).and_then(|index| segments.get(index));
            segment.ok_or(Error::OutOfRetention)?.clone()
        };
        let path = &segment.path;
        let offset = PREFIX_BYTES + (position - segment.start);
        let read = || -> io::Result<Option<Vec<u8>>> {
            let file: Arc<dyn File> = self.options.disk.open_to_read(path)?;
            let mut header = [0; HEADER_BYTES];
            file.read_at(&mut header, offset)?;
            let Some(header) = Header::decode(&header, self.log) else {
                return Ok(None);
            };
            let mut body = vec![0; header.body_bytes as usize];
            let count = file.read_at(&mut body, offset + HEADER_BYTES as u64)?;
            let whole = header.position == position
                && count == body.len()
                && check(self.log, &body) == header.body_check;
            Ok(whole.then_some(body))
        };
        let body = read().map_err(Error::io("read the log's segment", path))?;
        body.ok_or_else(|| Error::Damaged {
            path: path.clone(),
            offset,
            reason: "a record is broken that was whole once",
        })
    }
}

fn kind(record: &Record<'_>, key: &Key) -> Option<Kind> {
    match record {
        Record::Started => Some(Kind::Started),
        Record::Commit(commit) if commit.object == *key => Some(Kind::Commit {
            epoch: commit.epoch,
            number: commit.number,
            page_count: commit.page_count,
            alarm: commit.alarm,
            more: commit.more,
            restores: commit.restores,
        }),
        Record::Alarm { object, alarm } if object == key => Some(Kind::Alarm(*alarm)),
        Record::Undo(undo) if undo.object == *key => Some(Kind::Undo {
            first: undo.first,
            through: undo.through,
            mixed: undo.mixed,
        }),
        Record::ObjectDeleted { object } if object == key => Some(Kind::Deleted),
        _ => None,
    }
}

/// Applies changes to a file that has `page_count` pages afterwards.
fn apply(file: &dyn File, bytes: &[u8], page_count: u32) -> Result<(), Error> {
    let path = std::path::Path::new("an earlier state");
    let pages = changes(bytes)?;
    let run = || -> io::Result<()> {
        file.set_len(u64::from(page_count) * PAGE_BYTES as u64)?;
        for change in pages.take_while(|change| change.number <= page_count) {
            let mut page = read_page(file, change.number)?;
            change.apply(&mut page);
            file.write_at(&page[..], offset(change.number))?;
        }
        Ok(())
    };
    run().map_err(Error::io("write", path))
}
