//! Which of a page's requests are made.

use regex::{Regex, RegexBuilder};

use super::Failed;
use super::options::check_count;

/// The most bytes of a pattern that was made ready.
const MAX_PATTERN_BYTES: usize = 1024 * 1024;

/// What the protocol calls kinds of requests, in small letters.
const KINDS: [&str; 18] = [
    "document",
    "stylesheet",
    "image",
    "media",
    "font",
    "script",
    "texttrack",
    "xhr",
    "fetch",
    "prefetch",
    "eventsource",
    "websocket",
    "manifest",
    "signedexchange",
    "ping",
    "cspviolationreport",
    "preflight",
    "other",
];

/// A list, and whether it says what is made or what is not.
#[derive(Debug)]
struct Choice<T> {
    among: Vec<T>,
    is_allowed: bool,
}

/// Requests are made unless one of these has a word against it.
#[derive(Debug, Default)]
pub(super) struct Rules {
    patterns: Option<Choice<Regex>>,
    kinds: Option<Choice<String>>,
}

impl Rules {
    pub(super) fn new(
        reject_patterns: Option<&[String]>,
        allow_patterns: Option<&[String]>,
        reject_kinds: Option<&[String]>,
        allow_kinds: Option<&[String]>,
    ) -> Result<Self, Failed> {
        let patterns = choice(
            ("rejectRequestPattern", reject_patterns),
            ("allowRequestPattern", allow_patterns),
            pattern,
        )?;
        let kinds = choice(
            ("rejectResourceTypes", reject_kinds),
            ("allowResourceTypes", allow_kinds),
            kind,
        )?;
        Ok(Self { patterns, kinds })
    }

    /// Whether there is anything to look at.
    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_none() && self.kinds.is_none()
    }

    pub(super) fn allow(&self, url: &str, kind: &str) -> bool {
        let by_pattern = self.patterns.as_ref().is_none_or(|choice| {
            let is_among = choice.among.iter().any(|pattern| pattern.is_match(url));
            is_among == choice.is_allowed
        });
        let by_kind = self.kinds.as_ref().is_none_or(|choice| {
            let is_among = choice
                .among
                .iter()
                .any(|one| one.eq_ignore_ascii_case(kind));
            is_among == choice.is_allowed
        });
        by_pattern && by_kind
    }
}

fn choice<T>(
    (reject, rejected): (&str, Option<&[String]>),
    (allow, allowed): (&str, Option<&[String]>),
    read: impl Fn(&str, &str) -> Result<T, Failed>,
) -> Result<Option<Choice<T>>, Failed> {
    let (name, list, is_allowed) = match (rejected, allowed) {
        (None, None) => return Ok(None),
        (Some(list), None) => (reject, list, false),
        (None, Some(list)) => (allow, list, true),
        (Some(_), Some(_)) => {
            return Err(Failed::asked(format!(
                "`{reject}` and `{allow}` cannot both be set"
            )));
        }
    };
    check_count(name, list.len())?;
    let among: Result<_, _> = list.iter().map(|one| read(name, one)).collect();
    Ok(Some(Choice {
        among: among?,
        is_allowed,
    }))
}

/// A regular expression, alone or between slashes. One that would look ahead, behind or back is none here: how long those
/// take depends on what they are tried on.
fn pattern(name: &str, text: &str) -> Result<Regex, Failed> {
    let quoted = text
        .strip_prefix('/')
        .and_then(|rest| rest.rsplit_once('/'));
    let (source, flags) = match quoted {
        Some((source, flags)) if flags.chars().all(|flag| flag.is_ascii_alphabetic()) => {
            (source, flags)
        }
        _ => (text, ""),
    };
    RegexBuilder::new(&source.replace("\\/", "/"))
        .case_insensitive(flags.contains('i'))
        .size_limit(MAX_PATTERN_BYTES)
        .build()
        .map_err(|error| {
            let text = error.to_string();
            let why = text.lines().last().unwrap_or_default();
            Failed::asked(format!("{name}: {source:?}: {why}"))
        })
}

fn kind(name: &str, text: &str) -> Result<String, Failed> {
    match KINDS.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(Failed::asked(format!(
            "{name}: there is no type {text:?}, but {}",
            KINDS.join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(all: &[&str]) -> Vec<String> {
        all.iter().map(|one| (*one).to_owned()).collect()
    }

    #[test]
    fn patterns_are_written_alone_or_between_slashes() {
        let reject = list(&["/\\.CSS$/i", "example\\.com/ads"]);
        let rules = Rules::new(Some(&reject), None, None, None).unwrap();
        assert!(!rules.allow("http://a/style.css", "Stylesheet"));
        assert!(!rules.allow("http://example.com/ads/1", "Image"));
        assert!(rules.allow("http://example.com/", "Document"));
        let allow = list(&["^http://a/"]);
        let rules = Rules::new(None, Some(&allow), None, None).unwrap();
        assert!(rules.allow("http://a/b", "Script"));
        assert!(!rules.allow("http://b/", "Script"));
    }

    #[test]
    fn types_are_compared_without_their_case() {
        let only = list(&["document", "xhr"]);
        let rules = Rules::new(None, None, None, Some(&only)).unwrap();
        assert!(rules.allow("http://a/", "Document") && rules.allow("http://a/", "XHR"));
        assert!(!rules.allow("http://a/", "Image"));
    }

    #[test]
    fn what_cannot_be_is_named() {
        let refused = |reject: Option<&[String]>, allow: Option<&[String]>, kinds: &[String]| {
            Rules::new(reject, allow, Some(kinds), None)
                .unwrap_err()
                .message
        };
        let one = list(&["a"]);
        assert!(refused(Some(&one), Some(&one), &[]).contains("allowRequestPattern"));
        assert!(refused(Some(&list(&["(?=a)"])), None, &[]).contains("rejectRequestPattern"));
        assert!(refused(None, None, &one).contains("rejectResourceTypes"));
        assert!(refused(Some(&list(&["(a{1000}){1000}"])), None, &[]).contains("size"));
    }
}
