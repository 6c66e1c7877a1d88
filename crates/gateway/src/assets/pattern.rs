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
        match_parts(&self.parts, text)
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

/// What the placeholders hold when the parts are the whole text. Greedy: what comes first takes as much as it can.
fn match_parts<'a>(parts: &'a [Part], text: &'a str) -> Option<Captures<'a>> {
    let (parts, text) = match parts.split_first() {
        Some((Part::Literal(literal), rest)) => (rest, text.strip_prefix(literal.as_str())?),
        _ => (parts, text),
    };
    let fits = Fits::of(parts, text);
    if !fits.from(0)[0] {
        return None;
    }
    let mut captures = Vec::new();
    let mut start = 0;
    for (index, part) in parts.iter().enumerate() {
        let end = part.ends(text, start, fits.from(index + 1))?;
        if let Some(name) = part.name() {
            captures.push((name, &text[start..end]));
        }
        start = end;
    }
    Some(captures)
}

impl Part {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Splat => Some("splat"),
            Self::Placeholder { name, .. } => Some(name),
        }
    }

    /// Whether a placeholder cannot hold this.
    fn is_end(&self, sign: u8) -> bool {
        matches!(self, Self::Placeholder { in_host, .. } if sign == b'/' || (*in_host && sign == b'.'))
    }

    /// The last place where it can end when it begins at `start`, so that what follows fits the rest.
    fn ends(&self, text: &str, start: usize, later: &[bool]) -> Option<usize> {
        let (shortest, longest) = match self {
            Self::Literal(literal) => (literal.len(), literal.len()),
            Self::Splat => (0, text.len() - start),
            Self::Placeholder { .. } => {
                let rest = text[start..].bytes();
                let length = rest.take_while(|sign| !self.is_end(*sign)).count();
                (1, length)
            }
        };
        (start + shortest..=start + longest)
            .rev()
            .find(|end| later[*end])
    }
}

/// From which places of a text on the last parts of a pattern fit, for each number of parts. Each is found out once, however
/// many ways there are to share a text among stars.
struct Fits {
    places: usize,
    rows: Vec<bool>,
}

impl Fits {
    fn of(parts: &[Part], text: &str) -> Self {
        let places = text.len() + 1;
        let mut rows = vec![false; places * (parts.len() + 1)];
        rows[places * parts.len() + text.len()] = true;
        for (index, part) in parts.iter().enumerate().rev() {
            let (before, later) = rows.split_at_mut(places * (index + 1));
            fill_row(part, text, &mut before[places * index..], later);
        }
        Self { places, rows }
    }

    /// Whether the parts from this one on fit the text, for each place where they could begin.
    fn from(&self, index: usize) -> &[bool] {
        &self.rows[self.places * index..][..self.places]
    }
}

fn fill_row(part: &Part, text: &str, row: &mut [bool], later: &[bool]) {
    let bytes = text.as_bytes();
    if let Part::Literal(literal) = part {
        for (at, fits) in row.iter_mut().enumerate() {
            *fits = bytes[at..].starts_with(literal.as_bytes()) && later[at + literal.len()];
        }
        return;
    }
    let can_be_empty = *part == Part::Splat;
    // Whether it can end somewhere behind the place that is looked at.
    let mut can_end = false;
    for (at, fits) in row.iter_mut().enumerate().rev() {
        can_end &= bytes.get(at).is_some_and(|sign| !part.is_end(*sign));
        *fits = (can_end || (can_be_empty && later[at])) && text.is_char_boundary(at);
        can_end |= later[at];
    }
}

/// Fills `:name` in a rule's target or value. What a request put into a placeholder is not looked through for others: it could
/// grow without end.
pub(super) fn fill(template: &str, captures: &Captures<'_>) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some(colon) = rest.find(':') {
        let after = &rest[colon + 1..];
        let capture = captures.iter().find(|(name, _)| after.starts_with(name));
        let (name, value) = capture.copied().unwrap_or(("", ":"));
        filled.push_str(&rest[..colon]);
        filled.push_str(value);
        rest = &after[name.len()..];
    }
    filled + rest
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
    fn what_comes_first_takes_as_much_as_it_can() {
        check("/**", "h", "/a/b", Some(&[("splat", "a/b"), ("splat", "")]));
        check(
            "/*/*/c",
            "h",
            "/a/b/b/c",
            Some(&[("splat", "a/b"), ("splat", "b")]),
        );
        check(
            "/*b*",
            "h",
            "/abcbd",
            Some(&[("splat", "abc"), ("splat", "d")]),
        );
        check(
            "/*:rest",
            "h",
            "/a/bc",
            Some(&[("splat", "a/b"), ("rest", "c")]),
        );
        check(
            "/:one:two",
            "h",
            "/abc",
            Some(&[("one", "ab"), ("two", "c")]),
        );
        check("/:one:two", "h", "/a", None);
        check("/:one:two", "h", "/a/c", None);
        check("/*é*", "h", "/ùéà", Some(&[("splat", "ù"), ("splat", "à")]));
        check("/:a:b", "h", "/éà", Some(&[("a", "é"), ("b", "à")]));
        check(
            "/:a*/:b",
            "h",
            "/é/à",
            Some(&[("a", "é"), ("splat", ""), ("b", "à")]),
        );
    }

    #[test]
    fn what_a_request_puts_into_a_placeholder_is_not_filled_again() {
        let pattern = RulePattern::parse("/:a/:b/*");
        let place = Place::new("h", "/:b:b/:splat:a/x");
        let captures = pattern.captures(&place).unwrap();
        assert_eq!(fill("/:b", &captures), "/:splat:a");
        assert_eq!(
            fill("/é:a-:bc/:splat:none:", &captures),
            "/é:b:b-:splat:ac/x:none:"
        );
    }

    /// Tried one after the other, the ways to share such a text would take longer than anybody lives.
    #[test]
    fn many_stars_and_placeholders_are_no_harder_than_one() {
        let path = format!("/{}", "a".repeat(2000));
        for piece in ["*", "*a", "*:x", ":x", ":xa", ":x*", "*a:x"] {
            let rule = format!("/{}/b", piece.repeat(100));
            check(&rule, "h", &path, None);
        }
        let rule = RulePattern::parse(&format!("/{}", "*a".repeat(100)));
        let place = Place::new("h", &path);
        let captures = rule.captures(&place).unwrap();
        assert_eq!(captures.len(), 100);
        assert_eq!(captures[0], ("splat", &*"a".repeat(2000 - 100)));
        assert!(
            captures[1..]
                .iter()
                .all(|capture| *capture == ("splat", ""))
        );
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
