//! What a build read, and whether it would read the same again.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use oxc::allocator::Allocator;
use oxc::parser::Parser;
use oxc::span::SourceType;

use super::vite;
use crate::decorators;

/// A file that was written so shortly before a build began may have been written after that: clocks of file systems are
/// coarse.
const COARSENESS: Duration = Duration::from_millis(10);

/// Files and folders as they were when a build looked at them.
#[derive(Debug)]
pub(super) struct Known {
    root: PathBuf,
    /// When the build began that is under way, or that was the last one.
    began: SystemTime,
    /// The project's own code, with what it asks for other than by `import` statements.
    own: HashMap<PathBuf, (Stamp, Option<String>)>,
    /// Everything else that decides over the result, whether it is there or not.
    others: HashMap<PathBuf, Stamp>,
    /// Names in the project's own folders: what an import leads to depends on what there is.
    folders: HashMap<PathBuf, BTreeSet<std::ffi::OsString>>,
}

/// Tells one state of a file from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stamp {
    /// Written while a build was under way: nobody knows which state that build saw.
    Unsure,
    Absent,
    At {
        modified: Option<SystemTime>,
        size: u64,
        inode: u64,
        device: u64,
    },
}

impl Known {
    /// To be made when a build begins.
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            began: SystemTime::now(),
            own: HashMap::new(),
            others: HashMap::new(),
            folders: HashMap::new(),
        }
    }

    /// Remembers the files that a build read which is over now.
    pub(super) fn learn(&mut self, files: Vec<PathBuf>) {
        let mut others = vec![
            self.root.join("node_modules"),
            self.root.join("package.json"),
        ];
        others.extend(vite::CONFIGURATIONS.map(|name| self.root.join(name)));
        let mut package_folders = HashSet::new();
        for file in files {
            if !file.is_absolute() {
                continue;
            }
            let is_own = is_own(&file);
            match is_own && is_code(&file) {
                true => {
                    let stamp = self.stamp(&file);
                    let requests = match stamp {
                        Stamp::At { .. } => std::fs::read_to_string(&file)
                            .ok()
                            .map(|text| requests(&text)),
                        _ => None,
                    };
                    self.own.insert(file.clone(), (stamp, requests));
                }
                false => {
                    others.extend(extended(&file, &self.root));
                    others.push(file.clone());
                }
            }
            let folders = file.ancestors().skip(1);
            if is_own {
                let within = |folder: &&Path| folder.starts_with(&self.root);
                let first = folders.clone().next().map(Path::to_path_buf);
                let above = folders.take_while(within).map(Path::to_path_buf);
                for folder in first.into_iter().chain(above) {
                    if self.folders.contains_key(&folder) {
                        continue;
                    }
                    let configurations = ["package.json", "tsconfig.json"];
                    others.extend(configurations.map(|name| folder.join(name)));
                    let names = match self.stamp(&folder) {
                        // Nobody knows which files the build saw: it has to be another one next time.
                        Stamp::Unsure => BTreeSet::from(["/".into()]),
                        _ => names_in(&folder),
                    };
                    self.folders.insert(folder, names);
                }
                continue;
            }
            // Up to the folder that packages are in, whose own change says that some came or went.
            for folder in folders {
                if !package_folders.insert(folder.to_path_buf()) {
                    break;
                }
                others.push(folder.to_path_buf());
                if folder
                    .file_name()
                    .is_some_and(|name| name == "node_modules")
                {
                    break;
                }
                others.push(folder.join("package.json"));
            }
        }
        for path in others {
            let stamp = self.stamp(&path);
            self.others.insert(path, stamp);
        }
    }

    /// The project's own files whose code changed, and begins another build. `None` when more than that may be different.
    pub(super) fn changed(&mut self) -> Option<Vec<PathBuf>> {
        self.began = SystemTime::now();
        let is_same = |(path, stamp): (&PathBuf, &Stamp)| *stamp == Stamp::now(path);
        if !self.others.iter().all(is_same) {
            return None;
        }
        let are_same = |(folder, names): (&PathBuf, &BTreeSet<_>)| *names == names_in(folder);
        if !self.folders.iter().all(are_same) {
            return None;
        }
        let mut changed = Vec::new();
        for (path, (stamp, before)) in &self.own {
            if *stamp == Stamp::now(path) {
                continue;
            }
            let now = requests(&std::fs::read_to_string(path).ok()?);
            if before.as_ref() != Some(&now) {
                return None;
            }
            changed.push(path.clone());
        }
        // Files that no longer are what they were when they are stamped again count as changed then.
        for path in &changed {
            self.own.remove(path);
        }
        Some(changed)
    }

    fn stamp(&self, path: &Path) -> Stamp {
        match Stamp::now(path) {
            Stamp::At { modified, .. }
                if modified.is_none_or(|at| at + COARSENESS >= self.began) =>
            {
                Stamp::Unsure
            }
            stamp => stamp,
        }
    }
}

impl Stamp {
    fn now(path: &Path) -> Self {
        match std::fs::metadata(path) {
            Err(_) => Self::Absent,
            Ok(about) => Self::At {
                modified: about.modified().ok(),
                size: about.len(),
                inode: about.ino(),
                device: about.dev(),
            },
        }
    }
}

fn is_own(path: &Path) -> bool {
    let mut parts = path.components();
    !parts.any(|part| part.as_os_str() == "node_modules")
}

fn is_code(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(
        extension,
        Some("js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" | "cts")
    )
}

/// What an editor puts beside a file for a moment does not count.
fn names_in(folder: &Path) -> BTreeSet<std::ffi::OsString> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    let lasts = |name: &std::ffi::OsString| {
        let name = name.to_string_lossy();
        !name.starts_with('.') && !name.ends_with('~') && name != "4913"
    };
    names.filter(lasts).collect()
}

/// The configurations that a `tsconfig.json` builds upon.
fn extended(file: &Path, root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut next = vec![file.to_path_buf()];
    while let Some(file) = next.pop() {
        if file.extension().is_none_or(|extension| extension != "json") || found.len() > 64 {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let options = jsonc_parser::ParseOptions::default();
        let value = jsonc_parser::parse_to_serde_value(&text, &options);
        let extends = value
            .ok()
            .flatten()
            .and_then(|value| value.get("extends").cloned());
        let values = match extends {
            Some(serde_json::Value::Array(list)) => list,
            value => value.into_iter().collect(),
        };
        for value in values.iter().filter_map(serde_json::Value::as_str) {
            let folder = file.parent().unwrap_or(root);
            let base = match value.starts_with('.') || value.starts_with('/') {
                true => folder.join(value),
                false => root.join("node_modules").join(value),
            };
            let with_ending = PathBuf::from(format!("{}.json", base.display()));
            for path in [base.join("tsconfig.json"), with_ending, base] {
                if path.is_file() {
                    next.push(path.clone());
                }
                found.push(path);
            }
        }
    }
    found
}

/// What a file asks for in other ways than by `import` statements, as a text to be compared. With another one, the bundler may
/// have to cut the program otherwise than it did, or its modules have to be of another kind.
fn requests(source: &str) -> String {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, SourceType::tsx()).parse();
    // Type assertions in angle brackets are no TSX.
    let parsed = match parsed.panicked || !parsed.diagnostics.is_empty() {
        true => Parser::new(&allocator, source, SourceType::ts()).parse(),
        false => parsed,
    };
    if parsed.panicked || !parsed.diagnostics.is_empty() {
        return format!("broken {source}");
    }
    let mut text = String::new();
    for import in &parsed.module_record.dynamic_imports {
        text.push_str(import.module_request.source_text(source));
        text.push('\n');
    }
    for (at, _) in source.match_indices("require") {
        let rest = &source[at..];
        text.push_str(rest.split(['\n', ';', ')']).next().unwrap_or_default());
        text.push('\n');
    }
    // Both are reasons to import something that is not written there.
    let has_decorators = decorators::may_have_decorators(source);
    let has_elements = source.contains("/>") || source.contains("</");
    text.push_str(&format!("{has_decorators} {has_elements}"));
    text
}
