//! The files of a skill.

use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding as _};
use serde::Serialize;

use super::{DESCRIPTION, Skills, script};

/// Folders of a skill whose files belong to it.
const FOLDERS: [&str; 8] = [
    "references",
    "scripts",
    "assets",
    "graphics",
    "fonts",
    "templates",
    "rendered-files",
    "illustrations",
];
/// Names that are passed over without a word.
const PASSED_OVER: [&str; 10] = [
    ".git",
    ".hg",
    ".svn",
    ".DS_Store",
    ".idea",
    ".vscode",
    "dist",
    "build",
    "coverage",
    "node_modules",
];
/// How deep folders may be nested.
const MAX_DEPTH: usize = 32;

/// A file of a skill, by the names that the SDK has for all this.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resource {
    /// Below the skill's folder.
    pub(super) path: String,
    kind: &'static str,
    /// In bytes, of a script that was bundled those of the bundle.
    pub(super) size: usize,
    encoding: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'static str>,
    content: String,
    precompiled: bool,
}

/// What is in a folder.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) is_folder: bool,
}

/// Folders and files, not links, sorted by name.
pub(super) fn entries(folder: &Path) -> std::io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() || kind.is_file() {
            entries.push(Entry {
                name: entry.file_name().to_string_lossy().into_owned(),
                path: entry.path(),
                is_folder: kind.is_dir(),
            });
        }
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

/// Reads the files of a skill.
pub(super) async fn read(folder: &Path, skills: &mut Skills) -> anyhow::Result<Vec<Resource>> {
    let mut paths = Vec::new();
    skills.files.insert(folder.to_path_buf());
    for entry in entries(folder)? {
        let name = entry.name.as_str();
        if name == DESCRIPTION || PASSED_OVER.contains(&name) {
            continue;
        }
        if !entry.is_folder || !FOLDERS.contains(&name) {
            let message = "this is not part of the skill: files of skills are in `references`, `scripts` or `assets`";
            skills.warn(&entry.path, message.to_owned());
            continue;
        }
        collect(&entry.path, name, 1, &mut paths, skills)?;
    }
    let mut resources = Vec::new();
    for (path, file) in paths {
        resources.push(resource(path, &file, skills).await?);
    }
    Ok(resources)
}

fn collect(
    folder: &Path,
    below: &str,
    depth: usize,
    paths: &mut Vec<(String, PathBuf)>,
    skills: &mut Skills,
) -> anyhow::Result<()> {
    anyhow::ensure!(
        depth <= MAX_DEPTH,
        "{} is nested too deep",
        folder.display()
    );
    skills.files.insert(folder.to_path_buf());
    for entry in entries(folder)? {
        if PASSED_OVER.contains(&entry.name.as_str()) {
            continue;
        }
        let path = format!("{below}/{}", entry.name);
        match entry.is_folder {
            true => collect(&entry.path, &path, depth + 1, paths, skills)?,
            false => paths.push((path, entry.path)),
        }
    }
    Ok(())
}

async fn resource(path: String, file: &Path, skills: &mut Skills) -> anyhow::Result<Resource> {
    skills.files.insert(file.to_path_buf());
    let bytes = std::fs::read(file)?;
    let (mime_type, is_text) = kind_of(&path);
    let kind = match path.split('/').next() {
        Some("references") => "reference",
        Some("scripts") => "script",
        _ => "asset",
    };
    let mut resource = Resource {
        kind,
        size: bytes.len(),
        encoding: if is_text { "text" } else { "base64" },
        mime_type,
        content: match is_text {
            true => String::from_utf8_lossy(&bytes).into_owned(),
            false => Base64::encode_string(&bytes),
        },
        precompiled: false,
        path,
    };
    // Whoever runs a script has no bundler at hand.
    if kind == "script" && script::is_bundled(&resource.path) {
        match script::bundle(file).await {
            Ok((code, files)) => {
                skills.files.extend(files);
                resource.size = code.len();
                resource.content = code;
                resource.precompiled = true;
            }
            Err(reason) => skills.warn(file, format!("this script cannot be bundled: {reason}")),
        }
    }
    Ok(resource)
}

/// What a file is by its name, and whether that is text.
fn kind_of(path: &str) -> (Option<&'static str>, bool) {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = match name.rsplit_once('.') {
        Some((_, extension)) => extension.to_ascii_lowercase(),
        None => String::new(),
    };
    match extension.as_str() {
        "css" => (Some("text/css"), true),
        "html" => (Some("text/html"), true),
        "js" | "mjs" => (Some("text/javascript"), true),
        "json" => (Some("application/json"), true),
        "md" => (Some("text/markdown"), true),
        "py" => (Some("text/x-python"), true),
        "sh" => (Some("text/x-shellscript"), true),
        "svg" => (Some("image/svg+xml"), true),
        "ts" | "tsx" => (Some("text/typescript"), true),
        "txt" => (Some("text/plain"), true),
        "xml" => (Some("application/xml"), true),
        "yaml" | "yml" => (Some("application/yaml"), true),
        "bash" | "csv" | "jsx" => (None, true),
        "gif" => (Some("image/gif"), false),
        "jpg" | "jpeg" => (Some("image/jpeg"), false),
        "pdf" => (Some("application/pdf"), false),
        "png" => (Some("image/png"), false),
        "webp" => (Some("image/webp"), false),
        "woff" => (Some("font/woff"), false),
        "woff2" => (Some("font/woff2"), false),
        _ => (None, false),
    }
}
