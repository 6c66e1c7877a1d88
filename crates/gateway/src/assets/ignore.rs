//! `.assetsignore`: which files of the folder are not served. The patterns are those of `.gitignore`.

/// The patterns of a folder.
#[derive(Debug, Default)]
pub(super) struct Ignore {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    /// Segments between slashes; `**` is any number of them.
    segments: Vec<String>,
    /// It takes an earlier pattern back.
    negated: bool,
    /// It means folders only.
    folder: bool,
}

/// What is not served unless the file takes it back: what a project keeps to itself, where its own folder is that of the
/// assets.
const PRIVATE: [&str; 6] = [
    ".dev.vars",
    ".dev.vars.*",
    ".env",
    ".env.*",
    ".atoll/",
    ".wrangler/",
];
/// What is never served, whatever the file says.
const ALWAYS: [&str; 3] = ["/.assetsignore", "/_redirects", "/_headers"];

impl Ignore {
    pub(super) fn parse(text: &str) -> Self {
        let patterns = PRIVATE
            .into_iter()
            .chain(ALWAYS)
            .chain(text.lines())
            .filter_map(Pattern::parse)
            .collect();
        Self { patterns }
    }

    /// Whether the file at this path (relative to the folder, with `/`) is left out: by itself, or by a folder above.
    pub(super) fn excludes(&self, path: &str) -> bool {
        let segments: Vec<&str> = path.split('/').collect();
        (1..=segments.len()).any(|length| {
            let folder = length < segments.len();
            self.patterns
                .iter()
                .rev()
                .find(|pattern| pattern.matches(&segments[..length], folder))
                .is_some_and(|pattern| !pattern.negated)
        })
    }
}

impl Pattern {
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (line, negated) = match line.strip_prefix('!') {
            Some(line) => (line, true),
            None => (line.strip_prefix('\\').unwrap_or(line), false),
        };
        let (line, folder) = match line.strip_suffix('/') {
            Some(line) => (line, true),
            None => (line, false),
        };
        // A slash at the start or inside ties a pattern to the folder of the file that it is written in.
        let anchored = line.contains('/');
        let mut segments: Vec<String> = line
            .trim_start_matches('/')
            .split('/')
            .map(str::to_owned)
            .collect();
        if !anchored {
            segments.insert(0, "**".to_owned());
        }
        Some(Self {
            segments,
            negated,
            folder,
        })
    }

    fn matches(&self, path: &[&str], is_folder: bool) -> bool {
        (is_folder || !self.folder) && match_segments(&self.segments, path)
    }
}

/// Each `**` takes as little as it can. When what comes behind the last of them does not fit, it takes one more; to go back
/// further would find nothing else, and take time without end.
fn match_segments(pattern: &[String], path: &[&str]) -> bool {
    let (mut pattern, mut path) = (pattern, path);
    let mut last = None;
    loop {
        match (pattern.split_first(), path.split_first()) {
            (Some((first, rest)), _) if first == "**" => {
                if rest.is_empty() {
                    return !path.is_empty();
                }
                last = Some((rest, path));
                pattern = rest;
                continue;
            }
            (None, None) => return true,
            (Some((first, rest)), Some((name, below)))
                if match_name(first.as_bytes(), name.as_bytes()) =>
            {
                (pattern, path) = (rest, below);
                continue;
            }
            _ => {}
        }
        let Some((rest, from)) = last else {
            return false;
        };
        let Some((_, from)) = from.split_first() else {
            return false;
        };
        last = Some((rest, from));
        (pattern, path) = (rest, from);
    }
}

/// `*` is any text, `?` any sign, `[a-z]` one of a set. As with segments, only the last `*` is tried again.
fn match_name(pattern: &[u8], name: &[u8]) -> bool {
    let (mut pattern, mut name) = (pattern, name);
    let mut last = None;
    loop {
        if let Some((b'*', rest)) = pattern.split_first() {
            last = Some((rest, name));
            pattern = rest;
            continue;
        }
        if pattern.is_empty() && name.is_empty() {
            return true;
        }
        if let Some(rest) = match_sign(pattern, name) {
            (pattern, name) = rest;
            continue;
        }
        let Some((rest, from)) = last else {
            return false;
        };
        let Some((_, from)) = from.split_first() else {
            return false;
        };
        last = Some((rest, from));
        (pattern, name) = (rest, from);
    }
}

/// What is left of a pattern and a name behind the first sign, when that fits.
fn match_sign<'a>(pattern: &'a [u8], name: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let ((wanted, rest), (sign, name)) = (pattern.split_first()?, name.split_first()?);
    let (fits, rest) = match wanted {
        b'?' => (true, rest),
        b'[' => set(rest, *sign).unwrap_or((*sign == b'[', rest)),
        b'\\' => {
            let (wanted, rest) = rest.split_first()?;
            (wanted == sign, rest)
        }
        wanted => (wanted == sign, rest),
    };
    fits.then_some((rest, name))
}

/// Whether a sign is in the set that begins behind `[`, and what comes behind the set.
fn set(pattern: &[u8], sign: u8) -> Option<(bool, &[u8])> {
    let end = pattern.iter().skip(1).position(|byte| *byte == b']')? + 1;
    let (set, rest) = (&pattern[..end], &pattern[end + 1..]);
    let (set, negated) = match set.split_first() {
        Some((b'!' | b'^', set)) => (set, true),
        _ => (set, false),
    };
    let mut inside = false;
    let mut index = 0;
    while index < set.len() {
        if index + 2 < set.len() && set[index + 1] == b'-' {
            inside |= (set[index]..=set[index + 2]).contains(&sign);
            index += 3;
        } else {
            inside |= set[index] == sign;
            index += 1;
        }
    }
    Some((inside != negated, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_to_git() {
        let ignore = Ignore::parse(
            "# comment\n*.map\n!keep.map\n/secret\nbuild/\ndocs/**/draft.md\n[ab]?.txt\n",
        );
        for (path, excluded) in [
            ("a.map", true),
            ("deep/a.map", true),
            ("deep/keep.map", false),
            ("secret", true),
            ("deep/secret", false),
            ("secret/inside", true),
            ("build", false),
            ("build/x", true),
            ("deep/build/x", true),
            ("docs/draft.md", true),
            ("docs/a/b/draft.md", true),
            ("ax.txt", true),
            ("cx.txt", false),
            ("_headers", true),
            (".assetsignore", true),
            ("sub/_headers", false),
            (".dev.vars", true),
            (".env.production", true),
            ("sub/.env", true),
            (".atoll/state/secrets.json", true),
            (".well-known/security.txt", false),
        ] {
            assert_eq!(ignore.excludes(path), excluded, "{path}");
        }
        assert!(!Ignore::parse("!.env\n").excludes(".env"));
    }

    #[test]
    fn patterns_of_many_stars_take_no_time() {
        let stars = "*a".repeat(40) + "*b\n" + &"**/a/".repeat(40) + "b\n";
        let ignore = Ignore::parse(&stars);
        let (name, folders) = ("a".repeat(100), "a/".repeat(100));
        assert!(!ignore.excludes(&name));
        assert!(!ignore.excludes(&format!("{folders}c")));
        assert!(ignore.excludes(&format!("{name}b")));
        assert!(ignore.excludes(&format!("{folders}b")));
        assert!(Ignore::parse("a/**/b/**/c/**").excludes("a/x/b/b/y/c/c/z"));
        assert!(!Ignore::parse("a/**/b/**/c").excludes("a/b/d/e"));
    }
}
