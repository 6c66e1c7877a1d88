//! The patterns of `_headers`, `_redirects` and `run_worker_first`.

/// What placeholders matched: `splat` for `*`, the names of the others.
pub(super) type Captures<'a> = Vec<(&'a str, &'a str)>;

/// The pattern of a rule: literal text, at most one `*`, and `:placeholders`.
#[derive(Clone, Debug)]
pub(super) struct RulePattern {
    parts: Vec<Part>,
    /// It starts with `https://` and is compared with host and path, not with the path alone.
    cross_host: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// `*`: anything.
    Splat,
    /// `:name`: anything but a slash, and but a dot inside of a host.
    Placeholder {
        name: String,
        in_host: bool,
    },
}

const HTTPS: &str = "https://";

impl RulePattern {
    pub(super) fn parse(text: &str) -> Self {
        let cross_host = text.starts_with(HTTPS);
        let host_end = if cross_host {
            text[HTTPS.len()..]
                .find('/')
                .map_or(text.len(), |slash| HTTPS.len() + slash)
        } else {
            0
        };
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut index = 0;
        while let Some(sign) = text[index..].chars().next() {
            let part = match sign {
                '*' => Some((Part::Splat, 1)),
                ':' => placeholder_name(&text[index + 1..]).map(|name| {
                    let in_host = index < host_end;
                    let part = Part::Placeholder {
                        name: name.to_owned(),
                        in_host,
                    };
                    (part, 1 + name.len())
                }),
                _ => None,
            };
            match part {
                Some((part, length)) => {
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal)));
                    }
                    parts.push(part);
                    index += length;
                }
                None => {
                    literal.push(sign);
                    index += sign.len_utf8();
                }
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Self { parts, cross_host }
    }

    /// Whether it is the same for every request: no `*` and no placeholder.
    pub(super) fn is_static(&self) -> bool {
        self.parts
            .iter()
            .all(|part| matches!(part, Part::Literal(_)))
    }

    pub(super) fn splats(&self) -> usize {
        self.parts
            .iter()
            .filter(|part| **part == Part::Splat)
            .count()
    }

    pub(super) fn has_placeholder(&self, wanted: &str) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, Part::Placeholder { name, .. } if name == wanted))
    }

    /// What the placeholders hold when the pattern matches. `place` is `https://host/path`.
    pub(super) fn captures<'a>(&'a self, place: &'a Place) -> Option<Captures<'a>> {
        let text = if self.cross_host {
            &place.whole
        } else {
            place.path()
        };
        let mut captures = Vec::new();
        match_parts(&self.parts, text, &mut captures).then_some(captures)
    }
}

/// Where a request goes, in the form that rules are compared with.
#[derive(Clone, Debug)]
pub(super) struct Place {
    whole: String,
    path_start: usize,
}

impl Place {
    pub(super) fn new(host: &str, path: &str) -> Self {
        Self {
            whole: format!("{HTTPS}{host}{path}"),
            path_start: HTTPS.len() + host.len(),
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.whole[self.path_start..]
    }
}

/// A letter, then letters, digits and underscores.
fn placeholder_name(text: &str) -> Option<&str> {
    text.chars()
        .next()
        .filter(char::is_ascii_alphabetic)
        .map(|_| {
            let end = text
                .find(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_')
                .unwrap_or(text.len());
            &text[..end]
        })
}

fn match_parts<'a>(parts: &'a [Part], text: &'a str, captures: &mut Captures<'a>) -> bool {
    let Some((part, rest)) = parts.split_first() else {
        return text.is_empty();
    };
    let (name, longest, shortest) = match part {
        Part::Literal(literal) => {
            return text
                .strip_prefix(literal.as_str())
                .is_some_and(|text| match_parts(rest, text, captures));
        }
        Part::Splat => ("splat", text.len(), 0),
        Part::Placeholder { name, in_host } => {
            let end = text
                .find(|sign| sign == '/' || (*in_host && sign == '.'))
                .unwrap_or(text.len());
            (name.as_str(), end, 1)
        }
    };
    // Greedy: what comes first takes as much as it can.
    let mut end = longest;
    while end >= shortest {
        if text.is_char_boundary(end) {
            let before = captures.len();
            captures.push((name, &text[..end]));
            if match_parts(rest, &text[end..], captures) {
                return true;
            }
            captures.truncate(before);
        }
        match end.checked_sub(1) {
            Some(next) => end = next,
            None => break,
        }
    }
    false
}

/// Fills `:name` in a rule's target or value.
pub(super) fn fill(template: &str, captures: &Captures<'_>) -> String {
    captures
        .iter()
        .fold(template.to_owned(), |text, (name, value)| {
            text.replace(&format!(":{name}"), value)
        })
}

/// Whether `*` in a pattern can stand for something that makes it the text.
pub(crate) fn glob_matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, host: &str, path: &str, expected: Option<&[(&str, &str)]>) {
        let pattern = RulePattern::parse(pattern);
        let place = Place::new(host, path);
        let captures = pattern.captures(&place);
        assert_eq!(captures.as_deref(), expected, "{pattern:?} on {host}{path}");
    }

    #[test]
    fn rules_match_whole_paths_and_name_what_they_matched() {
        check("/a", "h", "/a", Some(&[]));
        check("/a", "h", "/ab", None);
        check("/a/*", "h", "/a/b/c", Some(&[("splat", "b/c")]));
        check("/a/*", "h", "/a", None);
        check("/*.js", "h", "/x/y.js", Some(&[("splat", "x/y")]));
        check(
            "/:year/:slug",
            "h",
            "/2026/hi",
            Some(&[("year", "2026"), ("slug", "hi")]),
        );
        check("/:year", "h", "/2026/hi", None);
        check("/:a", "h", "/", None);
        check(
            "https://:sub.example.com/*",
            "x.example.com",
            "/p",
            Some(&[("sub", "x"), ("splat", "p")]),
        );
        check("https://:sub.example.com/*", "x.y.example.com", "/p", None);
        check("/time/:1", "h", "/time/:1", Some(&[]));
    }

    #[test]
    fn globs_stand_for_anything() {
        for (pattern, text, expected) in [
            ("/api/*", "/api/x/y", true),
            ("/api/*", "/api", false),
            ("/a*c*e", "/abcde", true),
            ("/a*c*e", "/abde", false),
            ("/*/x", "/a/b/x", true),
            ("/x", "/x", true),
            ("/x", "/xy", false),
            ("*", "/anything", true),
        ] {
            assert_eq!(glob_matches(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
