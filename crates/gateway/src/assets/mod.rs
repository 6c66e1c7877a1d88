//! Static files in front of or beside a worker, with the meaning that `assets` has in `wrangler.jsonc`
//! (<https://developers.cloudflare.com/workers/static-assets/>).

mod content_type;
mod headers_file;
mod ignore;
mod pattern;
mod redirects_file;
mod resolve;
mod serve;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use content_type::of as content_type;
pub(crate) use pattern::glob_matches;
pub(crate) use serve::Answer;

use headers_file::HeaderRules;
use redirects_file::RedirectRules;
use tree::Tree;

/// How `.html` files answer (`html_handling`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HtmlHandling {
    /// `/about.html` is at `/about`, `/blog/index.html` at `/blog/`.
    #[default]
    AutoTrailingSlash,
    /// Both are at a path with a slash at its end.
    ForceTrailingSlash,
    /// Both are at a path without.
    DropTrailingSlash,
    /// Files answer at their own names only.
    None,
}

/// What answers when no file does (`not_found_handling`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotFoundHandling {
    /// An empty 404.
    #[default]
    None,
    /// The nearest `404.html`.
    NotFoundPage,
    /// `/index.html` with status 200.
    SinglePageApplication,
}

/// What is served, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder.
    pub directory: PathBuf,
    /// How `.html` files answer.
    pub html_handling: HtmlHandling,
    /// What answers when no file does.
    pub not_found_handling: NotFoundHandling,
    /// Look at the folder for every request, so that new files are seen at once. Otherwise the names of the files are
    /// read once, and only their content is fresh.
    pub fresh: bool,
}

/// Why a folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such folder.
    #[error("the assets folder {0} does not exist")]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// What.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There are more files than [`MAX_FILES`].
    #[error("the assets folder {0} holds more than {MAX_FILES} files")]
    TooMany(PathBuf),
}

/// The most files in one folder of assets (Workers: 100,000).
pub const MAX_FILES: usize = 100_000;

/// A line of `_headers` or `_redirects` that has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Which of the files.
    pub file: &'static str,
    /// Counted from 1.
    pub line: usize,
    /// Why.
    pub message: String,
}

/// The files of one folder. It answers as the `ASSETS` binding does.
pub struct Assets {
    tree: Arc<Tree>,
    html_handling: HtmlHandling,
    not_found_handling: NotFoundHandling,
    headers: HeaderRules,
    redirects: RedirectRules,
    warnings: Vec<Warning>,
}

const HEADERS_FILE: &str = "_headers";
const REDIRECTS_FILE: &str = "_redirects";

impl Assets {
    /// Reads the rules of a folder and, unless it is to be looked at afresh every time, the names of its files.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn open(config: &Config) -> Result<Self, Error> {
        let tree = Tree::open(&config.directory, config.fresh)?;
        let mut warnings = Vec::new();
        let headers =
            HeaderRules::parse(&rules_file(&config.directory, HEADERS_FILE)?, &mut warnings);
        let redirects = RedirectRules::parse(
            &rules_file(&config.directory, REDIRECTS_FILE)?,
            config.html_handling,
            &mut warnings,
        );
        Ok(Self {
            tree: Arc::new(tree),
            html_handling: config.html_handling,
            not_found_handling: config.not_found_handling,
            headers,
            redirects,
            warnings,
        })
    }

    /// The lines of `_headers` and `_redirects` that have no effect.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

fn rules_file(directory: &Path, name: &str) -> Result<String, Error> {
    let path = directory.join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(Error::Unreadable { path, source }),
    }
}
