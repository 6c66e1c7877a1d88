//! Which namespaces and objects there are, in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::bookmark::{Bookmark, Moment};
use crate::live::Live;
use crate::record::{Key, Record};

/// All namespaces.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    pub(crate) namespaces: BTreeMap<u32, Namespaced>,
    numbers: HashMap<Arc<str>, u32>,
    /// The number that the next namespace gets; numbers are never used twice.
    next_number: u32,
    /// Alarms by time, with the position of the change that set each.
    alarms: BTreeMap<(u64, Key), u64>,
    /// Objects that go back when they are opened next.
    pub(crate) restores: HashMap<Key, Bookmark>,
}

/// One namespace.
#[derive(Debug)]
pub(crate) struct Namespaced {
    pub(crate) key: Arc<str>,
    /// Name of the folder with its files.
    pub(crate) folder: Arc<str>,
    pub(crate) objects: BTreeMap<[u8; 32], Entry>,
}

/// One object. There may be millions, so what only a running one needs is in `live`.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: Option<Box<str>>,
    /// Time of the next alarm in milliseconds since 1970, or not a number.
    alarm: f64,
    /// Where the last transaction ends.
    pub(crate) last: Moment,
    pub(crate) page_count: u32,
    /// The log knows about it.
    pub(crate) made: bool,
    /// The log does not know about it, or not its name.
    pub(crate) untold: bool,
    pub(crate) live: Option<Box<Live>>,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            name: None,
            alarm: f64::NAN,
            last: Moment {
                time_ms: 0,
                position: 0,
            },
            page_count: 0,
            made: false,
            untold: true,
            live: None,
        }
    }
}

impl Entry {
    pub(crate) fn alarm(&self) -> Option<f64> {
        (!self.alarm.is_nan()).then_some(self.alarm)
    }
}

/// Orders times as numbers order.
fn rank(time_ms: f64) -> u64 {
    let bits = time_ms.to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

fn unrank(rank: u64) -> f64 {
    f64::from_bits(if rank >> 63 == 1 {
        rank & !(1 << 63)
    } else {
        !rank
    })
}

impl Catalog {
    pub(crate) fn number(&self, key: &str) -> Option<u32> {
        self.numbers.get(key).copied()
    }

    pub(crate) fn next_number(&self) -> u32 {
        self.next_number
    }

    pub(crate) fn reserve_numbers(&mut self, next: u32) {
        self.next_number = self.next_number.max(next);
    }

    pub(crate) fn entry(&self, key: &Key) -> Option<&Entry> {
        self.namespaces.get(&key.namespace)?.objects.get(&key.id)
    }

    pub(crate) fn entry_mut(&mut self, key: &Key) -> Option<&mut Entry> {
        self.namespaces
            .get_mut(&key.namespace)?
            .objects
            .get_mut(&key.id)
    }

    /// The entry of an object, made when there is none. `None` when its namespace is gone.
    pub(crate) fn entry_or_new(&mut self, key: &Key) -> Option<&mut Entry> {
        let namespace = self.namespaces.get_mut(&key.namespace)?;
        Some(namespace.objects.entry(key.id).or_default())
    }

    pub(crate) fn live(&self, key: &Key) -> Option<&Live> {
        self.entry(key)?.live.as_deref()
    }

    pub(crate) fn live_mut(&mut self, key: &Key) -> Option<&mut Live> {
        self.entry_mut(key)?.live.as_deref_mut()
    }

    /// Removes an object and all that is known of it.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<Entry> {
        self.set_alarm(key, None, 0);
        self.restores.remove(key);
        self.namespaces
            .get_mut(&key.namespace)?
            .objects
            .remove(&key.id)
    }

    /// Removes a namespace with its objects.
    pub(crate) fn remove_namespace(&mut self, number: u32) -> Option<Namespaced> {
        let namespace = self.namespaces.remove(&number)?;
        self.numbers.remove(&namespace.key);
        self.alarms.retain(|(_, key), _| key.namespace != number);
        self.restores.retain(|key, _| key.namespace != number);
        Some(namespace)
    }

    pub(crate) fn add_namespace(&mut self, number: u32, key: &str, folder: &str) {
        let key: Arc<str> = key.into();
        self.reserve_numbers(number.saturating_add(1));
        self.numbers.insert(key.clone(), number);
        let namespace = self.namespaces.entry(number).or_insert_with(|| Namespaced {
            key: key.clone(),
            folder: folder.into(),
            objects: BTreeMap::new(),
        });
        namespace.key = key;
    }

    fn rename_namespace(&mut self, number: u32, key: &str) {
        let key: Arc<str> = key.into();
        if let Some(namespace) = self.namespaces.get_mut(&number) {
            if self.numbers.get(&namespace.key) == Some(&number) {
                self.numbers.remove(&namespace.key);
            }
            namespace.key = key.clone();
            self.numbers.insert(key, number);
        }
    }

    /// Sets or removes an object's alarm. `version` is the position of the record that says so.
    pub(crate) fn set_alarm(&mut self, key: &Key, alarm: Option<f64>, version: u64) {
        let Some(entry) = self
            .namespaces
            .get_mut(&key.namespace)
            .and_then(|namespace| namespace.objects.get_mut(&key.id))
        else {
            return;
        };
        if let Some(before) = entry.alarm() {
            self.alarms.remove(&(rank(before), *key));
        }
        entry.alarm = alarm.unwrap_or(f64::NAN);
        if let Some(time) = entry.alarm() {
            self.alarms.insert((rank(time), *key), version);
        }
    }

    /// The version of an object's alarm.
    pub(crate) fn alarm_version(&self, key: &Key) -> Option<u64> {
        let time = self.entry(key)?.alarm()?;
        self.alarms.get(&(rank(time), *key)).copied()
    }

    /// Alarms in the order of their time, from right after `after` on.
    pub(crate) fn alarms(
        &self,
        after: Option<(f64, Key)>,
    ) -> impl Iterator<Item = (f64, Key, u64)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = match after {
            Some((time, key)) => Excluded((rank(time), key)),
            None => Unbounded,
        };
        self.alarms
            .range((from, Unbounded))
            .map(|((time, key), version)| (unrank(*time), *key, *version))
    }

    /// Does what a record says to everything but pages. Doing a sequence of records again, to its end, changes nothing.
    pub(crate) fn apply(&mut self, record: &Record<'_>, end: Moment) {
        match record {
            Record::NamespaceMade {
                number,
                key,
                folder,
            } => self.add_namespace(*number, key, folder),
            Record::NamespaceRenamed { number, key } => self.rename_namespace(*number, key),
            Record::NamespaceDeleted { number } => {
                self.remove_namespace(*number);
            }
            Record::ObjectMade { object, name } => {
                if let Some(entry) = self.entry_or_new(object) {
                    entry.made = true;
                    entry.untold = false;
                    entry.last = end;
                    if let Some(name) = name {
                        entry.name = Some((*name).into());
                    }
                }
            }
            Record::ObjectDeleted { object } => {
                self.remove(object);
            }
            Record::Commit(commit) if !commit.more => {
                if let Some(entry) = self.entry_mut(&commit.object) {
                    entry.page_count = commit.page_count;
                    entry.last = end;
                }
                if let Some(change) = commit.alarm {
                    let alarm = match change {
                        crate::AlarmChange::Set(time) => Some(time),
                        crate::AlarmChange::Delete => None,
                    };
                    self.set_alarm(&commit.object, alarm, end.position);
                }
                if commit.restores {
                    self.restores.remove(&commit.object);
                }
            }
            Record::Alarm { object, alarm } => self.set_alarm(object, *alarm, end.position),
            Record::RestoreAtOpen { object, bookmark } => {
                match bookmark {
                    Some(bookmark) => self.restores.insert(*object, *bookmark),
                    None => self.restores.remove(object),
                };
            }
            Record::Started | Record::Commit(_) | Record::Undo(_) | Record::Checkpointed { .. } => {
            }
        }
    }
}
