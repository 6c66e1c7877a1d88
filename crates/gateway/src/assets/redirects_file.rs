//! `_redirects`: which paths answer with another place, or with another file (status 200).

use std::collections::{HashMap, HashSet};

use http::StatusCode;

use super::headers_file::MAX_LINE_BYTES;
use super::pattern::{Place, RulePattern, fill};
use super::{HtmlHandling, REDIRECTS_FILE, Warning};

/// The most rules without `*` and placeholders.
const MAX_STATIC_RULES: usize = 2000;
/// The most other rules.
const MAX_DYNAMIC_RULES: usize = 100;

/// The rules of a file.
#[derive(Debug, Default)]
pub(super) struct RedirectRules {
    /// By path, for rules that come before the first dynamic one.
    fixed: HashMap<String, Target>,
    dynamic: Vec<(RulePattern, Target)>,
}

#[derive(Clone, Debug)]
struct Target {
    to: String,
    status: StatusCode,
}

/// What a rule does with a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Redirect {
    /// Serve the file at this path in its place.
    Rewrite(String),
    /// Send the client to this location.
    Location(StatusCode, String),
}

impl RedirectRules {
    pub(super) fn parse(text: &str, html: HtmlHandling, warnings: &mut Vec<Warning>) -> Self {
        let mut rules = Self::default();
        let mut seen = HashSet::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let result = parse_line(line, html).and_then(|(from, target)| {
                if !seen.insert(from.clone()) {
                    return Err(format!("there is an earlier rule for {from}"));
                }
                rules.add(from, target)
            });
            if let Err(message) = result {
                warnings.push(Warning {
                    file: REDIRECTS_FILE,
                    line: index + 1,
                    message,
                });
            }
        }
        rules
    }

    fn add(&mut self, from: String, target: Target) -> Result<(), String> {
        let pattern = RulePattern::parse(&from);
        if pattern.is_static() && self.dynamic.is_empty() {
            if self.fixed.len() >= MAX_STATIC_RULES {
                return Err(format!("there are more than {MAX_STATIC_RULES} rules"));
            }
            self.fixed.insert(from, target);
        } else {
            if self.dynamic.len() >= MAX_DYNAMIC_RULES {
                return Err(format!(
                    "there are more than {MAX_DYNAMIC_RULES} rules with * or placeholders"
                ));
            }
            self.dynamic.push((pattern, target));
        }
        Ok(())
    }

    /// What happens to a request for this path and query (with its `?`, or empty).
    pub(super) fn find(&self, place: &Place, query: &str) -> Option<Redirect> {
        let (to, status) = match self.fixed.get(place.path()) {
            Some(target) => (target.to.clone(), target.status),
            None => self.dynamic.iter().find_map(|(pattern, target)| {
                let captures = pattern.captures(place)?;
                let mut to = fill(&target.to, &captures);
                if !is_absolute(&to) {
                    // What a placeholder holds must not make the target another host's.
                    while let Some(at) = to.find("//") {
                        to.remove(at);
                    }
                }
                Some((to, target.status))
            })?,
        };
        let (to, fragment) = match to.find('#') {
            Some(at) => (to[..at].to_owned(), to[at..].to_owned()),
            None => (to, String::new()),
        };
        if status == StatusCode::OK {
            let path = to.split('?').next().unwrap_or_default().to_owned();
            return Some(Redirect::Rewrite(path));
        }
        let query = if to.contains('?') { "" } else { query };
        Some(Redirect::Location(status, format!("{to}{query}{fragment}")))
    }
}

fn is_absolute(target: &str) -> bool {
    target.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn parse_line(line: &str, html: HtmlHandling) -> Result<(String, Target), String> {
    if line.len() > MAX_LINE_BYTES {
        return Err(format!("the line is longer than {MAX_LINE_BYTES} bytes"));
    }
    let tokens: Vec<&str> = line
        .split_whitespace()
        .take_while(|token| !token.starts_with('#'))
        .collect();
    let (from, to, status) = match tokens[..] {
        [from, to] => (from, to, "302"),
        [from, to, status] => (from, to, status),
        _ => return Err("expected `from to` or `from to status`".to_owned()),
    };
    if is_absolute(from) {
        return Err(format!(
            "{from} is absolute, but only paths can be redirected"
        ));
    }
    let from = if from.starts_with('/') {
        from.to_owned()
    } else {
        format!("/{from}")
    };
    let from = from.split(['?', '#']).next().unwrap_or_default().to_owned();
    let external = to.starts_with("https://");
    if !external && !to.starts_with('/') {
        return Err(format!("{to} starts neither with / nor with https://"));
    }
    let status = match status {
        "200" | "301" | "302" | "303" | "307" | "308" => {
            StatusCode::from_bytes(status.as_bytes()).map_err(|error| error.to_string())?
        }
        _ => {
            return Err(format!(
                "the status must be 200, 301, 302, 303, 307 or 308, not {status}"
            ));
        }
    };
    if status == StatusCode::OK && external {
        return Err(format!(
            "with status 200 the target must be a path, not {to}"
        ));
    }
    let to_index = to.ends_with("/index") || to.ends_with("/index.html");
    let loops = from.ends_with("/*") || (from.ends_with('/') && html != HtmlHandling::None);
    if !external && to_index && loops {
        return Err("this rule would redirect to itself for ever".to_owned());
    }
    Ok((
        from,
        Target {
            to: to.to_owned(),
            status,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> (RedirectRules, Vec<usize>) {
        let mut warnings = Vec::new();
        let rules = RedirectRules::parse(text, HtmlHandling::default(), &mut warnings);
        (rules, warnings.iter().map(|warning| warning.line).collect())
    }

    #[test]
    fn redirects_fill_placeholders_and_keep_the_query() {
        let (rules, warnings) = rules(
            "/old /new # moved\n/blog/* /posts/:splat 301\n/u/:id /user.html?id=:id 308\n\
             /app/* /app.html 200\n/go https://example.com/x#y\n/evil/* /:splat",
        );
        assert_eq!(warnings, [0; 0]);
        let found = |path, query| rules.find(&Place::new("h", path), query);
        let location = |status: u16, to: &str| {
            Some(Redirect::Location(
                StatusCode::from_u16(status).unwrap(),
                to.into(),
            ))
        };
        assert_eq!(found("/old", "?a=b"), location(302, "/new?a=b"));
        assert_eq!(found("/blog/x/y", ""), location(301, "/posts/x/y"));
        assert_eq!(found("/u/7", "?z"), location(308, "/user.html?id=7"));
        assert_eq!(
            found("/app/deep", "?q"),
            Some(Redirect::Rewrite("/app.html".into()))
        );
        assert_eq!(found("/go", ""), location(302, "https://example.com/x#y"));
        assert_eq!(
            found("/evil//other.example/", ""),
            location(302, "/other.example/")
        );
        assert_eq!(found("/else", ""), None);
    }

    #[test]
    fn rules_without_effect_are_told() {
        let (_, warnings) = rules(
            "/a\n/a b\n/a /b 404\nhttps://h/a /b\n/* /index.html\n/x https://h/ 200\n/ok /b\n/ok /c\n",
        );
        assert_eq!(warnings, [1, 2, 3, 4, 5, 6, 8]);
    }
}
