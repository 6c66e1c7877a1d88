//! `agents:skills`: a folder of Agent Skills as a module, as the plugin that the Agents SDK has for Vite makes it.
//!
//! Each folder in it that has a `SKILL.md` is a skill. The module's default export lists and loads them, so that they
//! are part of the program.

mod front_matter;
mod resources;
mod script;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::error::Diagnostic;
use resources::Resource;

/// What an import of skills begins with. `agents:skills` means the folder `skills` beside the file that imports it,
/// `agents:skills/NAME` the folder `NAME`.
const SPECIFIER: &str = "agents:skills";
/// From this version of `agents` on, what the rest of it expects of such a module is another thing.
const FIRST_WITHOUT: (u32, u32) = (0, 32);
/// The module that is made of a folder is this and the folder's path.
const PREFIX: &str = "\0atoll:skills:";
/// What each skill is described by.
const DESCRIPTION: &str = "SKILL.md";
/// A larger file is warned of: it becomes part of the program, longer by a third than it is.
const LARGE_FILE_BYTES: usize = 256 * 1024;
/// The same for all files of a folder together.
const LARGE_BYTES: usize = 1024 * 1024;

/// The folder that an import means; `None` for imports of something else.
pub(super) fn folder(specifier: &str, importer: Option<&str>) -> Option<PathBuf> {
    let rest = specifier.strip_prefix(SPECIFIER)?;
    let name = match rest.strip_prefix('/') {
        Some(name) => name,
        None if rest.is_empty() => "skills",
        None => return None,
    };
    let beside = Path::new(importer?).parent()?.join(name);
    // `..` and `.` in a name; links stay as they are.
    std::path::absolute(beside)
        .ok()
        .map(|path| without_dots(&path))
}

/// The version of the SDK beside an importer, if it is one that has other sources of skills instead.
pub(super) fn without_them(importer: &str) -> Option<String> {
    let manifest = Path::new(importer)
        .ancestors()
        .map(|folder| folder.join("node_modules/agents/package.json"))
        .find_map(|manifest| std::fs::read_to_string(manifest).ok())?;
    let manifest: Value = serde_json::from_str(&manifest).ok()?;
    let version = manifest.get("version")?.as_str()?;
    let mut numbers = version
        .split('.')
        .map_while(|part| part.parse::<u32>().ok());
    let version_of = (numbers.next()?, numbers.next()?);
    (version_of >= FIRST_WITHOUT).then(|| version.to_owned())
}

/// The module that is made of a folder.
pub(super) fn module_id(folder: &Path) -> String {
    format!("{PREFIX}{}", folder.display())
}

/// The folder that a module is made of.
pub(super) fn folder_of(id: &str) -> Option<PathBuf> {
    id.strip_prefix(PREFIX).map(PathBuf::from)
}

/// A folder of skills as a module.
#[derive(Default)]
pub(super) struct Skills {
    pub(super) code: String,
    /// Files and folders whose change makes another module.
    pub(super) files: BTreeSet<PathBuf>,
    pub(super) warnings: Vec<Diagnostic>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Skill {
    name: String,
    description: String,
    body: String,
    raw_content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    compatibility: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_tools: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Map<String, Value>>,
    resources: Vec<Resource>,
}

impl Skills {
    /// Reads a folder.
    pub(super) async fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut made = Self::default();
        made.files.insert(folder.to_path_buf());
        let mut skills: Vec<Skill> = Vec::new();
        for entry in resources::entries(folder)? {
            if !entry.is_folder {
                continue;
            }
            let Some(skill) = made.skill(&entry.path).await? else {
                continue;
            };
            if skills.iter().any(|other| other.name == skill.name) {
                made.warn(
                    &entry.path.join(DESCRIPTION),
                    format!("there is another skill called {:?}", skill.name),
                );
                continue;
            }
            skills.push(skill);
        }
        skills.sort_by(|one, other| one.name.cmp(&other.name));
        made.warn_of_size(folder, &skills);
        let text = serde_json::to_string(&skills)?;
        let mut fingerprint = String::new();
        for byte in Sha256::digest(&text) {
            write!(fingerprint, "{byte:02x}")?;
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let id = format!("bundle:{name}");
        made.code = format!(
            "const id = {id:?};\nconst fingerprint = {fingerprint:?};\nconst skills = {text};\n{}",
            include_str!("module.js")
        );
        Ok(made)
    }

    /// The skill in a folder, if there is one.
    async fn skill(&mut self, folder: &Path) -> anyhow::Result<Option<Skill>> {
        let described = folder.join(DESCRIPTION);
        self.files.insert(described.clone());
        let Ok(raw_content) = std::fs::read_to_string(&described) else {
            return Ok(None);
        };
        let (mut fields, body) = match front_matter::split(&raw_content) {
            Ok(parts) => parts,
            Err(reason) => {
                self.warn(&described, format!("this is not a skill: {reason}"));
                return Ok(None);
            }
        };
        let mut text = |name: &str| match fields.remove(name) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            _ => None,
        };
        let (Some(name), Some(description)) = (text("name"), text("description")) else {
            let message = "this is not a skill: it has no `name` or no `description`";
            self.warn(&described, message.to_owned());
            return Ok(None);
        };
        let (compatibility, license, allowed_tools) = (
            text("compatibility"),
            text("license"),
            text("allowed-tools"),
        );
        let metadata = match fields.remove("metadata") {
            Some(Value::Object(metadata)) => Some(metadata),
            _ => None,
        };
        let body = body.to_owned();
        Ok(Some(Skill {
            name,
            description,
            body,
            raw_content,
            compatibility,
            license,
            allowed_tools,
            metadata,
            resources: resources::read(folder, self).await?,
        }))
    }

    fn warn(&mut self, path: &Path, message: String) {
        self.warnings.push(Diagnostic::warning(message).path(path));
    }

    fn warn_of_size(&mut self, folder: &Path, skills: &[Skill]) {
        let mut all = 0;
        for skill in skills {
            for resource in &skill.resources {
                all += resource.size;
                if resource.size > LARGE_FILE_BYTES {
                    let size = resource.size / 1024;
                    let message = format!(
                        "{} of the skill {:?} has {size} KB, which become part of the program",
                        resource.path, skill.name
                    );
                    self.warn(folder, message);
                }
            }
        }
        if all > LARGE_BYTES {
            let size = all / 1024;
            let message = format!("these skills have {size} KB, which become part of the program");
            self.warn(folder, message);
        }
        for warning in &mut self.warnings {
            if warning.message.ends_with("part of the program") {
                warning.hint = Some("`skills.r2()` reads large files from a bucket".to_owned());
            }
        }
    }
}

fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}
