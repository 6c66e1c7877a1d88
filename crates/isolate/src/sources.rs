//! Where the Workers API's own JavaScript comes from.

use std::borrow::Cow;
use std::path::PathBuf;

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The files of `js/`: embedded, or read from a folder while someone works on them.
#[derive(Clone, Debug, Default)]
pub enum Sources {
    /// As they were when this program was built.
    #[default]
    Embedded,
    /// From this folder. Only for tools that run outside the jail.
    Folder(PathBuf),
}

impl Sources {
    /// The text of `path`, relative to `js/`.
    pub(crate) fn read(&self, path: &str) -> Option<Cow<'static, str>> {
        match self {
            Self::Embedded => {
                let index = FILES.binary_search_by(|(name, _)| (*name).cmp(path)).ok()?;
                Some(Cow::Borrowed(FILES[index].1))
            }
            Self::Folder(folder) => std::fs::read_to_string(folder.join(path))
                .ok()
                .map(Cow::Owned),
        }
    }
}
