//! `overrides` of a project: what it wants of packages anywhere in its tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::manifest::Manifest;
use crate::name;
use crate::spec::Spec;

/// A rule, and those that hold below what it is about.
#[derive(Debug)]
struct Rule {
    name: String,
    /// Which of the wanted versions it is about.
    about: Spec,
    value: Option<String>,
    below: Vec<Arc<Rule>>,
}

/// The rules that hold at a place of the tree: those of the project, and those below each rule on the way there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope(Vec<Arc<Rule>>);

/// How deep rules may be nested.
const MAX_DEPTH: usize = 16;

impl Scope {
    /// The rules of a project.
    pub(crate) fn of(project: &Manifest) -> Result<Self, String> {
        if project.overrides.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self(vec![Arc::new(Rule {
            name: String::new(),
            about: Spec::Any,
            value: None,
            below: rules(&project.overrides, project, MAX_DEPTH)?,
        })]))
    }

    /// What a project itself wants of a package must not be something else than its own rule says: nobody could tell which of
    /// the two counts. Gives the mistake, if there is one.
    pub(crate) fn contradiction(&self, project: &Manifest) -> Option<String> {
        let wanted = [
            &project.peer_dependencies,
            &project.dependencies,
            &project.optional_dependencies,
            &project.dev_dependencies,
        ];
        // Of a name that is there twice the last one counts.
        let wanted: BTreeMap<&String, &String> = wanted.into_iter().flatten().collect();
        wanted.into_iter().find_map(|(name, written)| {
            let other = self.apply(name, written).0?;
            (other != *written).then(|| {
                format!(
                    "`overrides` wants {name}@{other}, and {name}@{written} is a dependency of the project itself: write the \
                     same in both, or \"{name}\": \"${name}\" in `overrides`"
                )
            })
        })
    }

    /// What is wanted of a dependency, and the rules that hold for what it needs.
    pub(crate) fn apply(&self, name: &str, written: &str) -> (Option<String>, Self) {
        for (depth, rule) in self.0.iter().enumerate().rev() {
            let found = rule
                .below
                .iter()
                .find(|rule| rule.name == name && concerns(&rule.about, written));
            if let Some(found) = found {
                let mut scope = self.0[..=depth].to_vec();
                scope.push(found.clone());
                return (found.value.clone(), Self(scope));
            }
        }
        (None, self.clone())
    }
}

fn rules(
    object: &Map<String, Value>,
    project: &Manifest,
    depth: usize,
) -> Result<Vec<Arc<Rule>>, String> {
    if depth == 0 {
        return Err("`overrides` are nested too deep".to_owned());
    }
    let mut found = Vec::new();
    for (key, value) in object.iter().filter(|(key, _)| *key != ".") {
        let at = key.char_indices().skip(1).find(|(_, sign)| *sign == '@');
        let (name, about) = match at {
            Some((at, _)) => (&key[..at], Spec::parse(&key[at + 1..])),
            None => (key.as_str(), Spec::Any),
        };
        if !name::is_valid(name) {
            return Err(format!(
                "`overrides` has {key:?}, which cannot be the name of a package"
            ));
        }
        let (value, below) = match value {
            Value::String(text) => (Some(text), Vec::new()),
            Value::Object(object) => (
                object.get(".").and_then(|value| match value {
                    Value::String(text) => Some(text),
                    _ => None,
                }),
                rules(object, project, depth - 1)?,
            ),
            _ => {
                return Err(format!(
                    "`overrides` of {key} is neither a version nor an object"
                ));
            }
        };
        let value = value
            .filter(|text| !matches!(text.as_str(), "" | "*"))
            .map(|text| reference(text, project))
            .transpose()?;
        found.push(Arc::new(Rule {
            name: name.to_owned(),
            about,
            value,
            below,
        }));
    }
    Ok(found)
}

/// `$name` is what the project itself wants of a package.
fn reference(text: &str, project: &Manifest) -> Result<String, String> {
    let Some(name) = text.strip_prefix('$') else {
        return Ok(text.to_owned());
    };
    [
        &project.dev_dependencies,
        &project.optional_dependencies,
        &project.dependencies,
        &project.peer_dependencies,
    ]
    .iter()
    .find_map(|dependencies| dependencies.get(name))
    .cloned()
    .ok_or_else(|| format!("`overrides` has {text}, and {name} is no dependency"))
}

/// Whether a rule is about what is wanted.
fn concerns(about: &Spec, written: &str) -> bool {
    let wanted = Spec::parse(written);
    match (about, wanted.wanted()) {
        (Spec::Any, _) | (_, Spec::Any) => true,
        (Spec::Range(about), Spec::Range(wanted)) => about.allows_any(wanted),
        (Spec::Range(about), Spec::Version(wanted)) => about.satisfies(wanted),
        (Spec::Version(about), Spec::Range(wanted)) => wanted.satisfies(about),
        (Spec::Version(about), Spec::Version(wanted)) => about == wanted,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rule_counts() {
        let project = Manifest::parse(
            br#"{ "dependencies": { "d": "^4.1.0" }, "overrides": {
                "a": "1.0.0", "b@^2": { ".": "2.1.0", "a": "3.0.0", "c": { "a": "5.0.0" } }, "d": "$d" } }"#,
        )
        .unwrap();
        let scope = Scope::of(&project).unwrap();
        let of = |scope: &Scope, name: &str, written: &str| scope.apply(name, written).0;
        assert_eq!(of(&scope, "a", "^9").as_deref(), Some("1.0.0"));
        assert_eq!(of(&scope, "d", "*").as_deref(), Some("^4.1.0"));
        assert_eq!(of(&scope, "b", "^1"), None);
        let (value, below_b) = scope.apply("b", "^2.0.1");
        assert_eq!(value.as_deref(), Some("2.1.0"));
        assert_eq!(of(&below_b, "a", "*").as_deref(), Some("3.0.0"));
        let (_, below_x) = below_b.apply("x", "1");
        let (_, below_c) = below_x.apply("c", "1");
        assert_eq!(of(&below_c, "a", "*").as_deref(), Some("5.0.0"));
        assert_eq!(of(&below_c, "d", "*").as_deref(), Some("^4.1.0"));
    }

    #[test]
    fn what_the_project_itself_wants_is_not_overridden() {
        let of = |overrides: &str| {
            let text = format!(
                r#"{{ "dependencies": {{ "a": "^1.0.0" }}, "devDependencies": {{ "b": "2" }}, "overrides": {overrides} }}"#
            );
            let project = Manifest::parse(text.as_bytes()).unwrap();
            Scope::of(&project).unwrap().contradiction(&project)
        };
        for fine in [
            r#"{ "a": "$a", "b": "2" }"#,
            r#"{ "a@2": "3.0.0", "c": "1", "b": { "a": "1.0.0" } }"#,
            r#"{ "a": { "b": "1" }, "b": "*" }"#,
        ] {
            assert_eq!(of(fine), None, "{fine}");
        }
        for (wrong, name) in [
            (r#"{ "a": "1.0.0" }"#, "a@1.0.0"),
            (r#"{ "b": { ".": "npm:c@1" } }"#, "b@npm:c@1"),
            (r#"{ "b": "$a" }"#, "b@^1.0.0"),
        ] {
            assert!(of(wrong).unwrap().contains(name), "{wrong}");
        }
    }

    #[test]
    fn rules_that_lie_are_mistakes() {
        for text in [r#"{ "../a": "1" }"#, r#"{ "a": "$b" }"#, r#"{ "a": 1 }"#] {
            let project =
                Manifest::parse(format!(r#"{{ "overrides": {text} }}"#).as_bytes()).unwrap();
            assert!(Scope::of(&project).is_err(), "{text}");
        }
    }
}
