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

/// What is never served, whatever the file says.
const ALWAYS: [&str; 3] = ["/.assetsignore", "/_redirects", "/_headers"];

impl Ignore {
    pub(super) fn parse(text: &str) -> Self {
        let patterns = ALWAYS
            .into_iter()
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

fn match_segments(pattern: &[String], path: &[&str]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((first, rest)) if first == "**" => {
            if rest.is_empty() {
                return !path.is_empty();
            }
            (0..=path.len()).any(|skip| match_segments(rest, &path[skip..]))
        }
        Some((first, rest)) => path.split_first().is_some_and(|(name, path)| {
            match_name(first.as_bytes(), name.as_bytes()) && match_segments(rest, path)
        }),
    }
}

/// `*` is any text, `?` any sign, `[a-z]` one of a set.
fn match_name(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            match_name(rest, name)
                || name
                    .split_first()
                    .is_some_and(|(_, name)| match_name(pattern, name))
        }
        (Some((b'?', rest)), Some((_, name))) => match_name(rest, name),
        (Some((b'[', rest)), Some((sign, name_rest))) => match set(rest, *sign) {
            Some((inside, rest)) => inside && match_name(rest, name_rest),
            None => *sign == b'[' && match_name(rest, name_rest),
        },
        (Some((b'\\', rest)), Some((sign, name))) => rest
            .split_first()
            .is_some_and(|(wanted, rest)| wanted == sign && match_name(rest, name)),
        (Some((wanted, rest)), Some((sign, name))) => wanted == sign && match_name(rest, name),
        _ => false,
    }
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
        ] {
            assert_eq!(ignore.excludes(path), excluded, "{path}");
        }
    }
}
