//! Dependencies written into a package.json, whose own form stays as it is.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::client::Client;
use crate::error::Error;
use crate::json;
use crate::layout;
use crate::name;
use crate::spec::Spec;

/// What stands in the package.json of a project that had none.
const NEW: &str = "{\n  \"private\": true,\n  \"type\": \"module\"\n}\n";

/// Where dependencies are written, in the order in which they are looked for.
const SECTIONS: [&str; 3] = ["dependencies", "devDependencies", "optionalDependencies"];

/// Which dependencies a package is to be among, unless it is among others already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `dependencies`.
    Needed,
    /// `devDependencies`.
    Development,
}

/// What was written into a package.json.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Names, and what of each is wanted now.
    pub dependencies: Vec<(String, String)>,
    path: PathBuf,
    /// The text as it was before, if there was one.
    before: Option<String>,
}

impl Saved {
    /// Whether there was no package.json before.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.before.is_none()
    }

    /// Makes package.json what it was before.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn undo(&self) -> Result<(), Error> {
        match &self.before {
            Some(before) => layout::replace(&self.path, before),
            None => fs::remove_file(&self.path).map_err(Error::io("remove", &self.path)),
        }
    }
}

impl Client {
    /// Writes packages into the package.json of a folder: `NAME`, or `NAME@` with a version, a range, a tag, or whatever
    /// else a package.json may say. A tag becomes the range of versions that are compatible with the one that has it. A folder
    /// without a package.json gets one.
    ///
    /// # Errors
    /// There is no such package or version, or package.json cannot be read or written. Then it is as before.
    pub async fn save(
        &self,
        folder: &Path,
        wanted: &[String],
        section: Section,
    ) -> Result<Saved, Error> {
        self.registry.forget();
        let path = folder.join("package.json");
        let before = match fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let mut text = before.as_deref().unwrap_or(NEW).to_owned();
        let mut dependencies = Vec::new();
        for wanted in wanted {
            let (name, spec) = self.range(wanted).await?;
            let section = match section {
                Section::Needed => "dependencies",
                Section::Development => "devDependencies",
            };
            text = with_dependency(&text, section, &name, &spec).map_err(|message| {
                Error::Manifest {
                    path: path.clone(),
                    message,
                }
            })?;
            dependencies.push((name, spec));
        }
        layout::replace(&path, &text)?;
        Ok(Saved {
            dependencies,
            path,
            before,
        })
    }

    /// The name of what is wanted, and what a package.json should say of it.
    async fn range(&self, wanted: &str) -> Result<(String, String), Error> {
        let (name, written) = match wanted.get(1..).and_then(|rest| rest.find('@')) {
            Some(at) => (&wanted[..=at], &wanted[at + 2..]),
            None => (wanted, "latest"),
        };
        if !name::is_valid(name) {
            return Err(Error::Unsupported {
                name: wanted.to_owned(),
                spec: name.to_owned(),
                what: "not the name of a package",
                by: String::new(),
            });
        }
        let spec = Spec::parse(written);
        if let Some(error) = spec.unsupported(name, written, "") {
            return Err(error);
        }
        if !matches!(spec, Spec::Tag(_)) {
            return Ok((name.to_owned(), written.to_owned()));
        }
        let packument = self.registry.packument(name).await?;
        match packument.pick(&spec)? {
            Some(manifest) => Ok((name.to_owned(), format!("^{}", manifest.version))),
            None => Err(Error::NoVersion {
                name: name.to_owned(),
                spec: written.to_owned(),
                by: String::new(),
                latest: packument.latest(),
            }),
        }
    }
}

/// The text of a package.json with a dependency in it: in the section that has it already, else in `section`, where names
/// are in their order. What stands around it keeps its form.
///
/// # Errors
/// The text is no object of JSON.
pub(crate) fn with_dependency(
    text: &str,
    section: &str,
    name: &str,
    spec: &str,
) -> Result<String, String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if !value.is_object() {
        return Err("it is not an object".to_owned());
    }
    let start = text.find('{').unwrap_or_default();
    let end = text.rfind('}').map_or(text.len(), |end| end + 1);
    let root = Object::read(text, start..end)?;
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    for key in SECTIONS.iter().filter(|key| value[**key].is_object()) {
        let Some(place) = root.find(key) else {
            continue;
        };
        let object = Object::read(text, place)?;
        if let Some(before) = object.find(name) {
            return Ok(replaced(text, before, &quoted(spec)));
        }
    }
    let style = Style::of(text, &root);
    let entry = format!("{}{}{}", quoted(name), style.colon, quoted(spec));
    let Some(place) = root.find(section) else {
        let made = style.object(1, &entry);
        let member = format!("{}{}{made}", quoted(section), style.colon);
        return Ok(style.inserted(text, &root, 0, root.members.len(), &member));
    };
    if !value[section].is_object() {
        return Err(format!("`{section}` is not an object"));
    }
    let object = Object::read(text, place)?;
    let mut members = object.members.iter();
    let after = members.position(|(key, _)| key.as_str() > name);
    let after = after.unwrap_or(object.members.len());
    Ok(style.inserted(text, &object, 1, after, &entry))
}

fn replaced(text: &str, range: Range<usize>, by: &str) -> String {
    format!("{}{by}{}", &text[..range.start], &text[range.end..])
}

fn blanks(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// An object in a text.
struct Object {
    /// From its opening brace to behind its closing one.
    range: Range<usize>,
    /// Keys, and where their values are.
    members: Vec<(String, Range<usize>)>,
}

impl Object {
    fn read(text: &str, range: Range<usize>) -> Result<Self, String> {
        let start = text.as_ptr().addr();
        let fields = json::fields(&text[range.clone()])?;
        let place = |value: &str| value.as_ptr().addr() - start;
        let members = fields
            .into_iter()
            .map(|(key, value)| (key, place(value)..place(value) + value.len()))
            .collect();
        Ok(Self { range, members })
    }

    fn find(&self, name: &str) -> Option<Range<usize>> {
        let mut members = self.members.iter();
        Some(members.find(|(key, _)| key == name)?.1.clone())
    }

    /// What stands before the first member.
    fn lead<'a>(&self, text: &'a str) -> &'a str {
        let inside = &text[self.range.start + 1..];
        &inside[..blanks(inside)]
    }
}

/// How a text is laid out.
struct Style {
    /// The end of a line, where each member has its own.
    line: String,
    indent: String,
    /// What stands between a key and its value.
    colon: String,
}

impl Style {
    fn of(text: &str, root: &Object) -> Self {
        let Some((_, value)) = root.members.first() else {
            // npm's own form.
            return Self {
                line: "\n".to_owned(),
                indent: "  ".to_owned(),
                colon: ": ".to_owned(),
            };
        };
        let lead = root.lead(text);
        let line = match (lead.contains("\r\n"), lead.contains('\n')) {
            (true, _) => "\r\n",
            (false, true) => "\n",
            (false, false) => "",
        };
        let indent = match lead.rfind('\n') {
            Some(end) => &lead[end + 1..],
            None => lead,
        };
        let key = text[..value.start].rfind('"').map_or(0, |quote| quote + 1);
        Self {
            line: line.to_owned(),
            indent: indent.to_owned(),
            colon: text[key..value.start].to_owned(),
        }
    }

    /// What stands before a member that is `depth` steps in, or before the brace that ends an object there.
    fn before(&self, depth: usize) -> String {
        match self.line.as_str() {
            "" => self.indent.clone(),
            line => format!("{line}{}", self.indent.repeat(depth)),
        }
    }

    /// An object of one entry, which is a member that is `depth` steps in.
    fn object(&self, depth: usize, entry: &str) -> String {
        format!(
            "{{{}{entry}{}}}",
            self.before(depth + 1),
            self.before(depth)
        )
    }

    /// The text with a member at its place among those of an object that is `depth` steps in.
    fn inserted(
        &self,
        text: &str,
        object: &Object,
        depth: usize,
        place: usize,
        member: &str,
    ) -> String {
        let Some((_, first)) = object.members.first() else {
            return replaced(text, object.range.clone(), &self.object(depth, member));
        };
        let lead = object.lead(text);
        // As the members of this very object are.
        let between = match object.members.len() {
            1 if lead.is_empty() => ",".to_owned(),
            1 if lead.contains('\n') => format!(",{}", self.before(depth + 1)),
            1 => ", ".to_owned(),
            _ => {
                let rest = &text[first.end..];
                let comma = rest.find(',').unwrap_or_default() + 1;
                rest[..comma + blanks(&rest[comma..])].to_owned()
            }
        };
        match place
            .checked_sub(1)
            .and_then(|before| object.members.get(before))
        {
            Some((_, before)) => {
                replaced(text, before.end..before.end, &format!("{between}{member}"))
            }
            None => {
                let start = object.range.start + 1 + lead.len();
                replaced(text, start..start, &format!("{member}{between}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, name: &str, expected: &str) {
        let made = with_dependency(text, "dependencies", name, "^1.0.0").unwrap();
        assert_eq!(made, expected);
    }

    #[test]
    fn names_are_in_their_order_and_all_else_stays() {
        let text = "{\n    \"name\": \"p\",\n\n    \"files\": [\"a\", \"b\"],\n    \"dependencies\": {\n        \"a\": \"1\",\n        \"c\": \"2\"\n    }\n}\n";
        let place = |name: &str, before: &str| {
            text.replace(
                before,
                &format!("\"{name}\": \"^1.0.0\",\n        {before}"),
            )
        };
        check(text, "b", &place("b", "\"c\": \"2\""));
        check(text, "@s/a", &place("@s/a", "\"a\": \"1\""));
        check(
            text,
            "d",
            &text.replace("\"2\"\n", "\"2\",\n        \"d\": \"^1.0.0\"\n"),
        );
        check(
            text,
            "a",
            &text.replace("\"a\": \"1\"", "\"a\": \"^1.0.0\""),
        );
    }

    #[test]
    fn a_section_is_made_as_the_others_are() {
        check(
            "{\r\n\t\"name\": \"p\"\r\n}",
            "b",
            "{\r\n\t\"name\": \"p\",\r\n\t\"dependencies\": {\r\n\t\t\"b\": \"^1.0.0\"\r\n\t}\r\n}",
        );
        check(
            "{}",
            "b",
            "{\n  \"dependencies\": {\n    \"b\": \"^1.0.0\"\n  }\n}",
        );
        check(
            "{\n  \"dependencies\": {}\n}\n",
            "b",
            "{\n  \"dependencies\": {\n    \"b\": \"^1.0.0\"\n  }\n}\n",
        );
        check(
            r#"{"name":"p","dependencies":{"a":"1"}}"#,
            "b",
            r#"{"name":"p","dependencies":{"a":"1","b":"^1.0.0"}}"#,
        );
        check(
            r#"{ "name": "p", "dependencies": { "a": "1" } }"#,
            "b",
            r#"{ "name": "p", "dependencies": { "a": "1", "b": "^1.0.0" } }"#,
        );
    }

    #[test]
    fn what_is_in_another_section_stays_there() {
        check(
            r#"{ "x": "}\"{", "devDependencies": { "b": "0" } }"#,
            "b",
            r#"{ "x": "}\"{", "devDependencies": { "b": "^1.0.0" } }"#,
        );
        assert!(with_dependency("[]", "dependencies", "b", "1").is_err());
        assert!(with_dependency(r#"{ "dependencies": 1 }"#, "dependencies", "b", "1").is_err());
    }
}
