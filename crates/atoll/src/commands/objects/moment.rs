//! Moments as people write them.

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, TimeZone as _, Utc};

use crate::control::Moment;
use crate::error::Error;

/// Forms of a local time.
const LOCAL: [&str; 4] = [
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
];

/// Understands a moment before `now`.
pub(super) fn parse(text: &str, now: DateTime<Utc>) -> Result<Moment, Error> {
    let trimmed = text.trim();
    if is_bookmark(trimmed) {
        return Ok(Moment::Bookmark(trimmed.to_owned()));
    }
    let time = ago(trimmed, now).or_else(|| time(trimmed));
    let Some(time) = time else {
        return Err(Error::mistake(
            format_args!("{text:?} is no moment"),
            "write 2026-11-24T08:00:00Z, '2026-11-24 09:00' in local time, '10m ago', or a bookmark",
        ));
    };
    if time > now {
        return Err(Error::mistake(
            format_args!("{text:?} is still to come: it is {} now", super::local(now)),
            "a time without a zone is local; end it with Z for UTC",
        ));
    }
    Ok(Moment::Time(
        u64::try_from(time.timestamp_millis()).unwrap_or(0),
    ))
}

fn is_bookmark(text: &str) -> bool {
    let widths: Vec<usize> = text.split('-').map(str::len).collect();
    widths == [8, 8, 8, 32]
        && text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let local = LOCAL
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(|| {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            day.and_hms_opt(0, 0, 0)
        })?;
    Local
        .from_local_datetime(&local)
        .earliest()
        .map(|time| time.to_utc())
}

/// `10m ago`, `2 hours ago`; the last word may be missing.
fn ago(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let span = text.strip_suffix("ago").unwrap_or(text).trim();
    let (number, unit) = span.split_at(span.find(|letter: char| !letter.is_ascii_digit())?);
    let seconds = match unit.trim() {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 60 * 60,
        "d" | "day" | "days" => 24 * 60 * 60,
        "w" | "week" | "weeks" => 7 * 24 * 60 * 60,
        _ => return None,
    };
    let number: i64 = number.parse().ok()?;
    now.checked_sub_signed(chrono::TimeDelta::try_seconds(
        number.checked_mul(seconds)?,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_understood_as_people_write_them() {
        let now = DateTime::parse_from_rfc3339("2026-11-24T10:00:00Z")
            .expect("a time")
            .to_utc();
        let check = |text: &str, expected: &str| {
            let moment = match parse(text, now) {
                Ok(Moment::Time(ms)) => DateTime::from_timestamp_millis(ms.cast_signed())
                    .expect("a time")
                    .to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
                Ok(Moment::Bookmark(_)) => "a bookmark".to_owned(),
                Err(_) => "a mistake".to_owned(),
            };
            assert_eq!(moment, expected, "{text}");
        };
        check("10m ago", "2026-11-24T09:50:00Z");
        check(" 2 hours ago ", "2026-11-24T08:00:00Z");
        check("3d", "2026-11-21T10:00:00Z");
        check("2026-11-24T08:00:00Z", "2026-11-24T08:00:00Z");
        check("2026-11-24T08:00:00.5+02:00", "2026-11-24T06:00:00Z");
        let bookmark = "0000019b-0000aaaa-00000000-0000000000000000123456781234abcd";
        check(bookmark, "a bookmark");
        check(&bookmark[1..], "a mistake");
        check(&bookmark.replace('b', "x"), "a mistake");
        check("2026-11-24T12:00:00Z", "a mistake");
        check("yesterday", "a mistake");
        check("99999999999999999999d ago", "a mistake");
    }

    #[test]
    fn local_times_need_no_zone() {
        let local = Local.with_ymd_and_hms(2026, 11, 24, 9, 30, 0).earliest();
        let expected = local.map(|time| time.to_utc());
        assert!(expected.is_some());
        for text in [
            "2026-11-24 09:30",
            "2026-11-24T09:30:00",
            "2026-11-24 09:30:00.0",
        ] {
            assert_eq!(time(text), expected, "{text}");
        }
    }
}
