//! `compatibility_date` and `compatibility_flags`.

use super::document::{Node, Value};
use super::reader::Reader;
use crate::text;
use protocol::compatibility;

/// The newest date whose behaviour Atoll follows; taken when the configuration names none.
pub const NEWEST: &str = "2026-06-11";

/// `YYYY-MM-DD`, of the present day at the latest.
pub(super) fn date(reader: &mut Reader<'_>, value: Option<&Value>) -> String {
    let Some(value) = value else {
        let line = reader.document.setting("compatibility_date", NEWEST);
        let hint = format!("add {line}");
        let message = format!("no `compatibility_date`: {NEWEST} is taken");
        reader.warn(0, message, Some(hint));
        return NEWEST.into();
    };
    let date = reader.string("compatibility_date", Some(value));
    let date = date.unwrap_or_else(|| NEWEST.into());
    let hint = Some(format!("write {NEWEST:?}: Atoll behaves as on that day"));
    if !is_date(&date) {
        let message = format!("`compatibility_date` is not a date: {date:?}");
        reader.error(value.start, message, hint);
    } else if date > today() {
        let message = format!("`compatibility_date` is in the future: {date:?}");
        reader.error(value.start, message, hint);
    } else if date.as_str() > NEWEST {
        let message = format!("`compatibility_date` is newer than what Atoll follows: {date:?}");
        reader.warn(value.start, message, hint);
    }
    date
}

/// Flags that Workers know.
pub(super) fn flags(reader: &mut Reader<'_>, value: Option<&Value>) -> Vec<String> {
    let flags = reader.strings("compatibility_flags", value);
    let places: &[Value] = match value.map(|value| &value.node) {
        Some(Node::Array(items)) => items,
        _ => &[],
    };
    for (flag, place) in flags.iter().zip(places) {
        let is_known = compatibility::flags().any(|known| known == flag);
        if is_known && !compatibility::is_in_effect(flag) {
            let message = format!("the compatibility flag `{flag}` has no effect");
            let hint = format!("Atoll behaves as on {NEWEST} without further flags");
            reader.warn(place.start, message, Some(hint));
        } else if !is_known {
            let hint = text::nearest(flag, compatibility::flags()).map_or_else(
                || "take it out: Workers refuse it too".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("no such compatibility flag: {flag:?}");
            reader.error(place.start, message, Some(hint));
        }
    }
    let is_known = |flag: &String| compatibility::flags().any(|known| known == flag);
    if flags.iter().all(is_known)
        && let Some((index, message)) = compatibility::mistake(&flags)
        && let Some(place) = places.get(index)
    {
        let is_repeated = flags[..index].contains(&flags[index]);
        let hint = if is_repeated {
            "take it out here: it is listed before, and Workers refuse it twice"
        } else {
            "take one of the two out: one turns on what the other turns off, and Workers refuse both together"
        };
        reader.error(place.start, message, Some(hint.to_owned()));
    }
    flags
}

fn is_date(text: &str) -> bool {
    let part = |from: usize, to: usize| -> Option<u32> {
        let digits = text.get(from..to)?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then_some(())?;
        digits.parse().ok()
    };
    let dashed = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    let (Some(year), Some(month), Some(day)) = (part(0, 4), part(5, 7), part(8, 10)) else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(is_leap),
        1..=12 => 31,
        _ => 0,
    };
    dashed && year >= 1970 && (1..=last).contains(&day)
}

/// The day that it is in UTC.
fn today() -> String {
    let seconds = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs());
    let mut days = seconds / 86_400;
    let mut year = 1970;
    loop {
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = 365 + u64::from(is_leap);
        if days < length {
            return day_of_year(year, is_leap, days);
        }
        days -= length;
        year += 1;
    }
}

fn day_of_year(year: u64, is_leap: bool, mut days: u64) -> String {
    let february = 28 + u64::from(is_leap);
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_that_there_are() {
        for (text, is) in [
            ("2026-06-11", true),
            ("2024-02-29", true),
            ("2026-02-29", false),
            ("2026-13-01", false),
            ("2026-00-10", false),
            ("2026-6-11", false),
            ("+026-06-11", false),
            ("20260611", false),
            ("2026-06-1\u{e9}", false),
        ] {
            assert_eq!(is_date(text), is, "{text}");
        }
    }

    #[test]
    fn days_have_their_dates() {
        assert_eq!(day_of_year(2024, true, 59), "2024-02-29");
        assert_eq!(day_of_year(2025, false, 59), "2025-03-01");
        assert_eq!(day_of_year(2025, false, 364), "2025-12-31");
        assert!(is_date(&today()));
    }
}
