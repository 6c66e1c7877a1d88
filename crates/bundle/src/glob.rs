//! Patterns of file names, as wrangler and package.json have them.
//!
//! A pattern is looked at once for each sign of a path, with everything that it may mean at the same time. So a match takes no
//! longer than both are long, whatever somebody wrote.

/// What a pattern says of the next sign.
enum Step<'a> {
    Sign(u8),
    /// `?`
    NotSlash,
    /// `[ab]`, `[!ab]`
    OneOf {
        set: &'a [u8],
        is_negated: bool,
    },
    /// `*`: any number of signs of one name.
    Name,
    /// `**`: any number of signs.
    Path,
    /// The rest of a path up to some slash, after a [`Step::Either`] that may leave it out: `**/`.
    Folders,
    /// Goes on here and there.
    Either(usize, usize),
}

/// Whether a pattern fits the whole of a path. `*` and `?` stay within a folder, `**` crosses them, `{a,b}` and `[ab]` as in
/// a shell. A `?` that is followed by a word is the start of a query: `**/*.wasm?module`.
pub(crate) fn matches(glob: &str, path: &str) -> bool {
    let glob = glob.strip_prefix("./").unwrap_or(glob);
    let mut steps = Vec::new();
    read(glob, &mut steps);
    let mut here = Places::new(steps.len());
    here.add(&steps, 0);
    for sign in path.bytes() {
        let mut next = Places::new(steps.len());
        for place in here.list {
            let Some(step) = steps.get(place) else {
                continue;
            };
            match step {
                Step::Sign(wanted) if *wanted == sign => next.add(&steps, place + 1),
                Step::NotSlash if sign != b'/' => next.add(&steps, place + 1),
                Step::OneOf { set, is_negated } if set.contains(&sign) != *is_negated => {
                    next.add(&steps, place + 1);
                }
                Step::Name if sign != b'/' => next.add(&steps, place),
                Step::Path => next.add(&steps, place),
                Step::Folders => {
                    next.add(&steps, place);
                    if sign == b'/' {
                        next.add(&steps, place + 1);
                    }
                }
                _ => {}
            }
        }
        here = next;
    }
    here.list.contains(&steps.len())
}

/// Where in a pattern one may be.
struct Places {
    list: Vec<usize>,
    are_listed: Vec<bool>,
}

impl Places {
    fn new(steps: usize) -> Self {
        Self {
            list: Vec::new(),
            are_listed: vec![false; steps + 1],
        }
    }

    /// This place, and those that it leads to without a sign.
    fn add(&mut self, steps: &[Step<'_>], place: usize) {
        let mut waiting = vec![place];
        while let Some(place) = waiting.pop() {
            if std::mem::replace(&mut self.are_listed[place], true) {
                continue;
            }
            self.list.push(place);
            match steps.get(place) {
                Some(Step::Either(first, second)) => waiting.extend([*first, *second]),
                Some(Step::Name | Step::Path) => waiting.push(place + 1),
                _ => {}
            }
        }
    }
}

fn read<'a>(glob: &'a str, steps: &mut Vec<Step<'a>>) {
    let mut rest = glob;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("**/") {
            let at = steps.len();
            steps.extend([Step::Either(at + 1, at + 2), Step::Folders]);
            rest = after;
        } else if let Some(after) = rest.strip_prefix("**") {
            steps.push(Step::Path);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('*') {
            steps.push(Step::Name);
            rest = after;
        } else if let Some((names, after)) = between(rest, '{', '}') {
            read_any(names, steps);
            rest = after;
        } else if let Some((set, after)) = between(rest, '[', ']') {
            let (is_negated, set) = match set.strip_prefix(['!', '^']) {
                Some(set) => (true, set),
                None => (false, set),
            };
            let set = set.as_bytes();
            steps.push(Step::OneOf { set, is_negated });
            rest = after;
        } else {
            let end = first.len_utf8();
            steps.extend(rest[..end].bytes().map(|sign| match sign {
                b'?' => Step::NotSlash,
                sign => Step::Sign(sign),
            }));
            rest = &rest[end..];
        }
    }
}

/// One of several, of which each leads to what comes after the last.
fn read_any<'a>(names: &'a str, steps: &mut Vec<Step<'a>>) {
    let mut ends = Vec::new();
    let mut names = names.split(',').peekable();
    while let Some(name) = names.next() {
        let choice = steps.len();
        // Both places are known when what they lead to has been read.
        steps.push(Step::Either(choice + 1, choice + 1));
        read(name, steps);
        ends.push(steps.len());
        steps.push(Step::Either(choice, choice));
        if names.peek().is_some() {
            steps[choice] = Step::Either(choice + 1, steps.len());
        }
    }
    let after = steps.len();
    for end in ends {
        steps[end] = Step::Either(after, after);
    }
}

/// What stands between these two at the start of a text, and what comes after.
fn between(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    text.strip_prefix(open)?.split_once(close)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn globs_match_as_in_wrangler() {
        for (glob, path, expected) in [
            ("**/*.html", "index.html", true),
            ("**/*.html", "a/b/index.html", true),
            ("*.html", "a/index.html", false),
            ("src/**/*.txt", "src/x.txt", true),
            ("src/**/*.txt", "src/a/b/x.txt", true),
            ("src/**/*.txt", "srcs/x.txt", false),
            ("**/*.{md,txt}", "docs/a.md", true),
            ("**/*.{md,txt}", "docs/a.txt", true),
            ("**/*.{md,txt}", "docs/a.mdtxt", false),
            ("{a,b}{c,}/x", "bc/x", true),
            ("{a,b}{c,}/x", "a/x", true),
            ("{a,b}{c,}/x", "ab/x", false),
            ("{*.a,*.b}", "x.b", true),
            ("**/*.wasm?module", "a/b.wasm?module", true),
            ("**/*.bin", "a.bin.txt", false),
            ("./data/[ab].csv", "data/b.csv", true),
            ("./data/[!ab].csv", "data/b.csv", false),
            ("./data/[!ab].csv", "data/c.csv", true),
            ("**/data.*", "src/data.json", true),
            ("a**", "a/b/c", true),
            ("ä*.txt", "äöü.txt", true),
            ("{open", "{open", true),
            ("[open", "[open", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(glob, path), expected, "{glob} on {path}");
        }
    }

    #[test]
    fn patterns_that_mean_harm_take_no_longer() {
        let path = "a/".repeat(500);
        assert!(!matches(&"**/*a*".repeat(200), &path));
        assert!(!matches(&"*a".repeat(500), &"a".repeat(499)));
        assert!(!matches(
            &format!("{}b", "{a,a}".repeat(400)),
            &"a".repeat(400)
        ));
    }
}
