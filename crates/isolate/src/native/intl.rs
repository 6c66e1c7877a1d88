//! `atoll:native/intl`: time zones, text segmentation, and tables of English names.
//!
//! The tables hold one entry a line, its fields parted by bars and its key first, sorted by nothing in particular: they are
//! looked up rarely and cost no heap.

use std::cell::RefCell;
use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use rquickjs::{Array, Ctx, Function, Object, Result};
use unicode_segmentation::UnicodeSegmentation;

const TABLES: &[(&str, &str)] = &[
    ("currencies", include_str!("intl/currencies.txt")),
    ("languages", include_str!("intl/languages.txt")),
    ("regions", include_str!("intl/regions.txt")),
    ("scripts", include_str!("intl/scripts.txt")),
    ("units", include_str!("intl/units.txt")),
    ("zones", include_str!("intl/zones.txt")),
];

thread_local! {
    /// Zones that were asked for, by name in lower case. There are a few hundred at most.
    static ZONES: RefCell<HashMap<String, Option<TimeZone>>> = RefCell::default();
    static DATABASE: TimeZoneDatabase = TimeZoneDatabase::bundled();
}

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    macro_rules! export {
        ($($name:literal => $function:expr),+ $(,)?) => {
            $(exports.set($name, Function::new(ctx.clone(), $function)?.with_name($name)?)?;)+
        };
    }
    export! {
        "lookUp" => look_up,
        "keys" => keys,
        "timeZoneName" => time_zone_name,
        "timeZoneNames" => || DATABASE.with(|database| database.available().map(|name| name.as_str().to_owned()).collect::<Vec<_>>()),
        "zoneOffset" => zone_offset,
        "segment" => segment,
    }
    Ok(exports)
}

fn table(name: &str) -> &'static str {
    TABLES
        .iter()
        .find(|(known, _)| *known == name)
        .map_or("", |(_, text)| text)
}

/// `lookUp(table, key)`: the line of `key`, undefined when there is none.
fn look_up(name: String, key: String) -> Option<&'static str> {
    table(&name).lines().find(|line| {
        line.strip_prefix(&key)
            .is_some_and(|rest| rest.starts_with('|'))
    })
}

/// `keys(table)`.
fn keys(name: String) -> Vec<&'static str> {
    table(&name)
        .lines()
        .filter_map(|line| line.split('|').next())
        .collect()
}

fn zone(name: &str) -> Option<TimeZone> {
    let key = name.to_ascii_lowercase();
    ZONES.with_borrow_mut(|zones| {
        zones
            .entry(key)
            .or_insert_with(|| DATABASE.with(|database| database.get(name).ok()))
            .clone()
    })
}

/// `timeZoneName(name)`: the name as the database spells it, undefined for one that it does not have.
fn time_zone_name(name: String) -> Option<String> {
    zone(&name)?.iana_name().map(str::to_owned)
}

/// `zoneOffset(name, milliseconds)`: `[seconds east of Greenwich, whether it is summer time]`.
fn zone_offset(name: String, milliseconds: f64) -> Option<Vec<i32>> {
    let zone = zone(&name)?;
    let clamped = milliseconds.clamp(-377_705_023_201_000.0, 253_402_207_200_000.0);
    let timestamp = Timestamp::from_millisecond(clamped as i64).ok()?;
    let info = zone.to_offset_info(timestamp);
    Some(vec![
        info.offset().seconds(),
        i32::from(info.dst().is_dst()),
    ])
}

/// `segment(text, granularity)`: a flat list of lengths in code units and whether each segment is like a word.
fn segment<'js>(
    ctx: Ctx<'js>,
    text: rquickjs::String<'js>,
    granularity: String,
) -> Result<Array<'js>> {
    let text = text.to_string()?;
    let parts = Array::new(ctx)?;
    let mut count = 0;
    let mut push = |segment: &str, word: bool| -> Result<()> {
        parts.set(count, segment.encode_utf16().count())?;
        parts.set(count + 1, word)?;
        count += 2;
        Ok(())
    };
    match granularity.as_str() {
        "word" => text
            .split_word_bounds()
            .try_for_each(|segment| push(segment, segment.chars().any(char::is_alphanumeric)))?,
        "sentence" => text
            .split_sentence_bounds()
            .try_for_each(|segment| push(segment, false))?,
        _ => text
            .graphemes(true)
            .try_for_each(|segment| push(segment, false))?,
    }
    Ok(parts)
}
