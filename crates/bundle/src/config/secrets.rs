//! `.dev.vars` and `.env`: secrets for running on this machine, as wrangler finds and reads them.

use std::path::{Path, PathBuf};

use super::{Options, nearest_file};
use crate::error::Diagnostic;

/// What the files say.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    /// Names and values in the order they were found; a later value of a name replaces the earlier.
    pub(crate) values: Vec<(String, String)>,
    /// Files that are not there though they were named, and lines that say nothing, which are never shown themselves: they
    /// may be secrets with a slip in them.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// The files to look into: all of the first group that has any, later files override.
fn groups(root: &Path, options: &Options) -> Vec<Vec<PathBuf>> {
    if !options.secret_files.is_empty() {
        let files = options.secret_files.iter();
        return vec![files.map(|file| options.folder.join(file)).collect()];
    }
    let environment = options.environment.as_deref();
    let named = |name: String| root.join(name);
    let mut own = Vec::new();
    let mut dotenv = vec![root.join(".env"), root.join(".env.local")];
    if let Some(environment) = environment {
        own.push(named(format!(".dev.vars.{environment}")));
        dotenv.insert(1, named(format!(".env.{environment}")));
        dotenv.push(named(format!(".env.{environment}.local")));
    }
    vec![own, vec![root.join(".dev.vars")], dotenv]
}

/// Every file that [`read`] may look at.
pub(crate) fn candidates(root: &Path, options: &Options) -> Vec<PathBuf> {
    groups(root, options).concat()
}

/// Reads the files beside a configuration, or those that the command line names.
pub(crate) fn read(root: &Path, options: &Options) -> Secrets {
    let mut secrets = Secrets::default();
    for group in groups(root, options) {
        if !options.secret_files.is_empty() {
            let missing = group.iter().filter(|path| !path.is_file());
            secrets.diagnostics.extend(missing.map(|path| {
                let mut missing = Diagnostic::error("there is no such file of secrets").path(path);
                missing.hint = nearest_file(path).map(|near| format!("did you mean `{near}`?"));
                missing
            }));
        }
        let texts: Vec<(&PathBuf, String)> = group
            .iter()
            .filter_map(|path| Some((path, std::fs::read_to_string(path).ok()?)))
            .collect();
        for (path, text) in &texts {
            let (pairs, stray) = parse(text);
            for (name, value) in pairs {
                match secrets.values.iter_mut().find(|(known, _)| *known == name) {
                    Some(known) => known.1 = value,
                    None => secrets.values.push((name, value)),
                }
            }
            secrets.diagnostics.extend(stray.into_iter().map(|line| {
                let mut warning = Diagnostic::warning("a line that sets nothing")
                    .path(path)
                    .hint("write NAME=value, or start it with # when it is a comment");
                (warning.line, warning.column) = (Some(line), Some(1));
                warning
            }));
        }
        if !texts.is_empty() {
            break;
        }
    }
    secrets
}

/// The dotenv format: `NAME=value`, quotes of three kinds, `#` comments, values over many lines. Gives names and values,
/// and the numbers of lines that are none of it.
fn parse(text: &str) -> (Vec<(String, String)>, Vec<u32>) {
    let text = text.replace("\r\n", "\n");
    let mut rest = text.as_str();
    let (mut pairs, mut stray) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        let line_end = rest.find('\n').unwrap_or(rest.len());
        let line = &rest[..line_end];
        let after_line = &rest[(line_end + 1).min(rest.len())..];
        let declaration = line.trim_start();
        if declaration.is_empty() || declaration.starts_with('#') {
            rest = after_line;
            continue;
        }
        let declaration = declaration.strip_prefix("export ").unwrap_or(declaration);
        let name_end = declaration.find('=').filter(|equals| {
            let name = declaration[..*equals].trim();
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
            !name.is_empty() && name.chars().all(is_plain)
        });
        let Some(equals) = name_end else {
            stray.push(crate::text::line_and_column(&text, text.len() - rest.len()).0);
            rest = after_line;
            continue;
        };
        let name = declaration[..equals].trim();
        let value_start = rest.len() - (declaration.len() - equals - 1) - (rest.len() - line_end);
        let value = rest[value_start..].trim_start_matches([' ', '\t']);
        let quote = value
            .chars()
            .next()
            .filter(|c| matches!(c, '"' | '\'' | '`'));
        let closing = quote.and_then(|quote| closing_quote(&value[1..], quote));
        if let (Some(quote), Some(closing)) = (quote, closing) {
            let inner = &value[1..=closing];
            let inner = match quote {
                '"' => inner
                    .replace("\\n", "\n")
                    .replace("\\r", "\r")
                    .replace("\\\"", "\""),
                _ => inner.to_owned(),
            };
            pairs.push((name.to_owned(), inner));
            let after_quote = &value[closing + 2..];
            let line_end = after_quote
                .find('\n')
                .map_or(after_quote.len(), |end| end + 1);
            rest = &after_quote[line_end..];
        } else {
            let plain = &line[value_start..];
            let plain = plain.find('#').map_or(plain, |comment| &plain[..comment]);
            pairs.push((name.to_owned(), plain.trim().to_owned()));
            rest = after_line;
        }
    }
    (pairs, stray)
}

fn closing_quote(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (index, character) in text.char_indices() {
        if character == quote && !escaped {
            return Some(index);
        }
        escaped = character == '\\' && !escaped;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn dotenv_values_are_read_as_dotenv_reads_them() {
        let text = "# note\nA=1\nexport B = two words # trailing\nC=\"x # y\\nz\"\nD='raw\\n'\n\
                    E=\"first\nsecond\"\nF=\nnot a declaration\nG=a=b\n";
        let (pairs, stray) = parse(text);
        assert_eq!(stray, [9]);
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("A", "1"),
                ("B", "two words"),
                ("C", "x # y\nz"),
                ("D", "raw\\n"),
                ("E", "first\nsecond"),
                ("F", ""),
                ("G", "a=b"),
            ]
        );
    }
}
