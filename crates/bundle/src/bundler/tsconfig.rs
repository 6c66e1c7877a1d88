//! What the passes need to know of `tsconfig.json`; rolldown reads the rest itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxc_resolver::{ResolveOptions, Resolver, TsConfig, TsconfigDiscovery, TsconfigOptions};
use rolldown_common::bundler_options as rolldown_options;

use crate::error::Diagnostic;

/// Finds the `tsconfig.json` of a file. Made anew for each build, since files may change between.
#[derive(Debug)]
pub(super) struct TsConfigs {
    resolver: Resolver,
    fixed: Option<PathBuf>,
}

impl TsConfigs {
    pub(super) fn new(fixed: Option<&Path>) -> Self {
        let tsconfig = match fixed {
            Some(path) => TsconfigDiscovery::Manual(TsconfigOptions {
                config_file: path.to_path_buf(),
                references: oxc_resolver::TsconfigReferences::Auto,
            }),
            None => TsconfigDiscovery::Auto,
        };
        Self {
            resolver: Resolver::new(ResolveOptions {
                tsconfig: Some(tsconfig),
                ..ResolveOptions::default()
            }),
            fixed: fixed.map(Path::to_path_buf),
        }
    }

    /// The configuration that governs `file`; one that cannot be read counts as none here, for
    /// rolldown reports it.
    pub(super) fn of(&self, file: &Path) -> Option<Arc<TsConfig>> {
        match &self.fixed {
            Some(path) => self.resolver.resolve_tsconfig(path).ok(),
            None => self.resolver.find_tsconfig(file).ok().flatten(),
        }
    }

    /// Why the configuration that was found for `file` is left aside. One that the project names has to be right.
    pub(super) fn left_aside(&self, file: &Path) -> Option<Diagnostic> {
        if self.fixed.is_some() {
            return None;
        }
        let error = self.resolver.find_tsconfig(file).err()?;
        let message = format!("tsconfig.json is left aside, as it cannot be read: {error}");
        Some(Diagnostic::warning(message).hint("install the package that it extends"))
    }

    /// What rolldown is to read.
    pub(super) fn for_rolldown(&self, main: &Path) -> rolldown_options::TsConfig {
        match &self.fixed {
            Some(path) => rolldown_options::TsConfig::Manual(path.clone()),
            None => rolldown_options::TsConfig::Auto(self.left_aside(main).is_none()),
        }
    }

    /// Whether decorators in `file` mean TypeScript's own from before the standard.
    pub(super) fn has_legacy_decorators(&self, file: &Path) -> bool {
        self.of(file)
            .and_then(|config| config.compiler_options.experimental_decorators)
            .unwrap_or(false)
    }
}
