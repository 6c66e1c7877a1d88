//! `_headers`: what is added to and taken from the headers of responses, by path.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::pattern::{Captures, Place, RulePattern, fill};
use super::{HEADERS_FILE, Warning};

/// The most rules in one file.
const MAX_RULES: usize = 100;
/// The longest line in one file, in bytes.
pub(super) const MAX_LINE_BYTES: usize = 2000;

/// The rules of a file, in its order.
#[derive(Debug, Default)]
pub(super) struct HeaderRules {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    pattern: RulePattern,
    set: Vec<(HeaderName, String)>,
    unset: Vec<HeaderName>,
}

impl HeaderRules {
    pub(super) fn parse(text: &str, warnings: &mut Vec<Warning>) -> Self {
        let mut rules: Vec<Rule> = Vec::new();
        // Lines below a path that was refused belong to it, and are silently passed over.
        let mut skipping = false;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut warn = |message: String| {
                warnings.push(Warning {
                    file: HEADERS_FILE,
                    line: index + 1,
                    message,
                });
            };
            if line.len() > MAX_LINE_BYTES {
                warn(format!("the line is longer than {MAX_LINE_BYTES} bytes"));
            } else if is_path(line) {
                if rules.len() >= MAX_RULES {
                    warn(format!("there are more than {MAX_RULES} rules"));
                    break;
                }
                skipping = false;
                match parse_path(line) {
                    Ok(pattern) => rules.push(Rule {
                        pattern,
                        set: Vec::new(),
                        unset: Vec::new(),
                    }),
                    Err(message) => {
                        warn(message);
                        skipping = true;
                    }
                }
            } else if !skipping {
                let result = match rules.last_mut() {
                    Some(rule) => rule.add(line),
                    None => Err("a path has to come before headers".to_owned()),
                };
                if let Err(message) = result {
                    warn(message);
                }
            }
        }
        Self { rules }
    }

    /// Applies every rule that matches. Values of several rules for one header are joined; what the response had is
    /// replaced.
    pub(super) fn apply(&self, place: &Place, headers: &mut HeaderMap) {
        let mut set: Vec<&HeaderName> = Vec::new();
        for rule in &self.rules {
            let Some(captures) = rule.pattern.captures(place) else {
                continue;
            };
            for name in &rule.unset {
                headers.remove(name);
            }
            for (name, value) in &rule.set {
                let Some(value) = filled(value, &captures) else {
                    continue;
                };
                if set.contains(&name) {
                    headers.append(name, value);
                } else {
                    headers.insert(name, value);
                    set.push(name);
                }
            }
        }
    }
}

fn filled(value: &str, captures: &Captures<'_>) -> Option<HeaderValue> {
    HeaderValue::from_str(&fill(value, captures)).ok()
}

impl Rule {
    fn add(&mut self, line: &str) -> Result<(), String> {
        let Some((name, value)) = line.split_once(':') else {
            let name = line
                .strip_prefix("! ")
                .ok_or("expected `name: value`, or `! name` to take a header away")?;
            self.unset.push(header_name(name)?);
            return Ok(());
        };
        let (name, value) = (header_name(name)?, value.trim());
        if value.is_empty() {
            return Err(format!("the header {name} has no value"));
        }
        match self.set.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => {
                known.push_str(", ");
                known.push_str(value);
            }
            None => self.set.push((name, value.to_owned())),
        }
        Ok(())
    }
}

fn header_name(name: &str) -> Result<HeaderName, String> {
    let name = name.trim();
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no header name"))
}

fn is_path(line: &str) -> bool {
    line.starts_with('/')
        || line
            .split_once("://")
            .is_some_and(|(scheme, _)| !scheme.contains(char::is_whitespace))
}

fn parse_path(line: &str) -> Result<RulePattern, String> {
    if !line.starts_with('/') {
        let host = line
            .strip_prefix("https://")
            .ok_or("a path starts with / or with https://")?
            .split('/')
            .next()
            .unwrap_or_default();
        if host
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return Err("ports are not supported".to_owned());
        }
    }
    let pattern = RulePattern::parse(line);
    if pattern.splats() > 1 {
        return Err("only one * is allowed; use a :placeholder".to_owned());
    }
    if pattern.splats() == 1 && pattern.has_placeholder("splat") {
        return Err("* and :splat are the same and cannot be combined".to_owned());
    }
    Ok(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_matching_rules_apply_in_order() {
        let mut warnings = Vec::new();
        let rules = HeaderRules::parse(
            "# all\n/*\n  X-One: a\n  X-One: b\n  Cache-Control: no-store\n\n/static/:name\n  X-Name: :name\n  X-One: c\n  ! ETag\n",
            &mut warnings,
        );
        assert_eq!(warnings, []);
        let mut headers = HeaderMap::new();
        headers.insert("etag", HeaderValue::from_static("\"1\""));
        headers.insert("cache-control", HeaderValue::from_static("public"));
        rules.apply(&Place::new("h", "/static/x.js"), &mut headers);
        let ones: Vec<_> = headers.get_all("x-one").iter().collect();
        assert_eq!(ones, ["a, b", "c"]);
        assert_eq!(headers["x-name"], "x.js");
        assert_eq!(headers["cache-control"], "no-store");
        assert!(!headers.contains_key("etag"));
    }

    #[test]
    fn lines_without_effect_are_told() {
        let mut warnings = Vec::new();
        HeaderRules::parse(
            "X: early\n/a/*/b/*\n  X: skipped\nhttps://h:80/x\n/ok\n  no colon\n  Bad Name: x\n  Empty:\n",
            &mut warnings,
        );
        let lines: Vec<_> = warnings.iter().map(|warning| warning.line).collect();
        assert_eq!(lines, [1, 2, 4, 6, 7, 8], "{warnings:#?}");
    }
}
