//! Which packages may be used at all.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Which packages may be used, in a tree and all of what it needs.
#[derive(Clone, Debug, Default)]
pub enum Allow {
    /// All.
    #[default]
    All,
    /// These: names, or `@scope/*`.
    Only(Arc<BTreeSet<String>>),
}

impl Allow {
    /// Allows packages with these names; `@scope/*` allows a whole scope.
    pub fn only<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self::Only(Arc::new(names.into_iter().map(Into::into).collect()))
    }

    /// Whether a package may be used.
    #[must_use]
    pub fn permits(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => {
                names.contains(name)
                    || crate::name::scope(name)
                        .is_some_and(|scope| names.contains(&format!("{scope}/*")))
            }
        }
    }
}
