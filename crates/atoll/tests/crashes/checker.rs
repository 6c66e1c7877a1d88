//! What a server said, and whether what it says later fits.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// What a server that loses or mixes up something is told.
pub(crate) const SUM_AGAIN: &str = "a sum that was there before";
pub(crate) const LESS_THAN_BEFORE: &str = "less than was seen before";
pub(crate) const HALF_A_TURN: &str = "two writes of one turn differ";
pub(crate) const MISSING: &str = "acknowledged entries are missing";
pub(crate) const STRANGE: &str = "entries that nobody made";
pub(crate) const DAMAGED: &str = "a damaged database";
const EARLY: &str = "an alarm before its time";

/// An entry: whose, and which.
type Entry = (u64, u64);

/// Everything that was heard of one object.
#[derive(Debug, Default)]
pub(crate) struct Object {
    /// The greatest sum that anybody has seen. Who asks afterwards must not see a smaller one.
    seen: AtomicU64,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    acknowledged: BTreeSet<Entry>,
    /// May be there or not.
    unknown: BTreeSet<Entry>,
}

impl Object {
    /// What has been seen by now: to be asked before a request.
    pub(crate) fn floor(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }

    /// An entry was acknowledged, as the last one of a sum.
    pub(crate) fn added(&self, entry: Entry, floor: u64, sum: &Value) -> Result<(), String> {
        self.entries().acknowledged.insert(entry);
        let sum = sum.as_u64().ok_or_else(|| format!("{sum} is no sum"))?;
        self.seen.fetch_max(sum, Ordering::SeqCst);
        holds(sum > floor, SUM_AGAIN, (sum, floor))
    }

    /// Nobody knows whether an entry was made.
    pub(crate) fn lost_sight_of(&self, entry: Entry) {
        self.entries().unknown.insert(entry);
    }

    /// Somebody looked.
    pub(crate) fn looked(&self, floor: u64, look: &Value) -> Result<(), String> {
        let (total, count) = (&look["total"], &look["count"]);
        holds(total == count, HALF_A_TURN, look)?;
        let total = total.as_u64().ok_or_else(|| format!("{total} is no sum"))?;
        self.seen.fetch_max(total, Ordering::SeqCst);
        holds(total >= floor, LESS_THAN_BEFORE, (total, floor))
    }

    /// Everything that there is, when nothing happens any more.
    pub(crate) fn everything(&self, floor: u64, all: &Value) -> Result<(), String> {
        self.looked(floor, all)?;
        holds(
            all["check"] == serde_json::json!(["ok"]),
            DAMAGED,
            &all["check"],
        )?;
        holds(all["early"] == 0, EARLY, &all["early"])?;
        let rows = all["rows"].as_array().ok_or("no rows")?;
        let number = |value: &Value| value.as_u64().unwrap_or(u64::MAX);
        let found: BTreeSet<Entry> = rows
            .iter()
            .map(|row| (number(&row[0]), number(&row[1])))
            .collect();
        let entries = self.entries();
        let missing: Vec<_> = entries.acknowledged.difference(&found).collect();
        holds(missing.is_empty(), MISSING, &missing)?;
        let strange: Vec<_> = found
            .difference(&entries.acknowledged)
            .filter(|entry| !entries.unknown.contains(entry))
            .collect();
        holds(strange.is_empty(), STRANGE, &strange)
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn holds(truth: bool, otherwise: &str, what: impl Debug) -> Result<(), String> {
    if truth {
        return Ok(());
    }
    let mut text = format!("{otherwise}: {what:?}");
    text.truncate(300);
    Err(text)
}

#[test]
fn each_rule_notices_its_breach() {
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let breaks = |outcome: Result<(), String>, rule: &str| {
        let violation = outcome.expect_err(rule);
        assert!(violation.starts_with(rule), "{violation} instead of {rule}");
    };
    let object = Object::default();
    assert_eq!(object.added((1, 1), 0, &json("1")), Ok(()));
    assert_eq!(object.added((1, 2), 1, &json("2")), Ok(()));
    object.lost_sight_of((1, 3));
    breaks(object.added((1, 4), 2, &json("2")), SUM_AGAIN);
    let look = |total: u64, count: u64| serde_json::json!({ "total": total, "count": count });
    assert_eq!(object.looked(2, &look(2, 2)), Ok(()));
    breaks(object.looked(2, &look(2, 3)), HALF_A_TURN);
    breaks(object.looked(2, &look(1, 1)), LESS_THAN_BEFORE);
    let all = |rows: &str, check: &str, early: u64| {
        let rows = json(rows);
        let count = rows.as_array().unwrap().len();
        let all = serde_json::json!({ "total": count, "count": count, "rows": rows, "check": [check], "early": early });
        object.everything(2, &all)
    };
    let whole = "[[1, 1], [1, 2], [1, 4]]";
    assert_eq!(all(whole, "ok", 0), Ok(()));
    let more = "[[1, 1], [1, 2], [1, 3], [1, 4]]";
    assert_eq!(all(more, "ok", 0), Ok(()));
    breaks(all("[[1, 1], [1, 2], [1, 3]]", "ok", 0), MISSING);
    breaks(all("[[1, 1], [1, 2], [1, 4], [2, 1]]", "ok", 0), STRANGE);
    breaks(all(whole, "row 3 missing from index", 0), DAMAGED);
    breaks(all(whole, "ok", 1), EARLY);
}
