//! A bundler that is kept from one build to the next, so that it reads and analyses only what changed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rolldown::{Bundle, BundleOutput, Bundler};
use rolldown_common::{
    BundleMode, EntryPointKind, ImportKind, Module, ModuleIdx, ModuleTable, ScanMode,
};
use rolldown_error::BuildResult;

use super::known::Known;
use crate::specifier;

/// A bundler, and what it read when it last built something.
pub(super) struct Kept {
    /// Never waited for: who holds this must be one that threads may share, which a bundler is not.
    bundler: Mutex<Bundler>,
    known: Known,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl Kept {
    /// Builds for the first time with a bundler whose options have `incremental_build`.
    pub(super) async fn begin(
        mut bundler: Bundler,
        root: &Path,
    ) -> BuildResult<(BundleOutput, Self)> {
        let mut known = Known::new(root);
        let output = bundler.generate().await?;
        known.learn(files_read(&bundler));
        let bundler = Mutex::new(bundler);
        Ok((output, Self { bundler, known }))
    }

    /// Builds again what changed. `None` when only a build from the beginning can tell: something else changed than the
    /// code of the project's own files, a module that nothing wants any more has a say in others, or there is a mistake, which
    /// is told best from there.
    pub(super) async fn again(self) -> Option<(BundleOutput, Self)> {
        let Self { bundler, mut known } = self;
        let mut bundler = bundler.into_inner().unwrap_or_else(PoisonError::into_inner);
        let changed = known.changed()?;
        let changed = changed.iter().map(|path| Some(path.to_str()?.into()));
        let changed = changed.collect::<Option<Vec<_>>>()?;
        // Its own task, so that a bug of the bundler with what it kept costs no more than that.
        let building = tokio::spawn(async move {
            bundler.clear_resolver_cache();
            let mode = BundleMode::IncrementalBuild;
            let build = async |bundle: &mut Bundle| {
                let mut scanned = bundle.scan_modules(ScanMode::Partial(changed)).await?;
                let entries = scanned.entry_points.iter();
                let entries = entries.filter(|entry| entry.kind != EntryPointKind::DynamicImport);
                let entries = entries.map(|entry| entry.idx).chain([scanned.runtime.id()]);
                let reached = reached(&scanned.module_table, entries);
                match leave_out(&mut scanned.module_table, &reached) {
                    true => bundle.bundle_generate(scanned).await.map(Some),
                    false => Ok(None),
                }
            };
            let output = bundler.with_cached_bundle_experimental(mode, build).await;
            (bundler, output)
        });
        let (bundler, output) = building.await.ok()?;
        let output = output.ok()??;
        known.learn(files_read(&bundler));
        let bundler = Mutex::new(bundler);
        Some((output, Self { bundler, known }))
    }
}

/// The modules that something wants.
fn reached(modules: &ModuleTable, entries: impl Iterator<Item = ModuleIdx>) -> HashSet<ModuleIdx> {
    let mut reached: HashSet<ModuleIdx> = entries.collect();
    let mut next: Vec<ModuleIdx> = reached.iter().copied().collect();
    while let Some(module) = next.pop() {
        let imports = modules[module].import_records().iter();
        for import in imports.filter_map(|record| record.resolved_module) {
            if reached.insert(import) {
                next.push(import);
            }
        }
    }
    reached
}

/// Leaves out of a bundle what nothing wants any more. The bundler forgets no module: there it stays, but what it imports leads
/// nowhere, so that it has no say in how others are bundled. False where it would have one nevertheless.
fn leave_out(modules: &mut ModuleTable, reached: &HashSet<ModuleIdx>) -> bool {
    for module in &mut modules.modules {
        if reached.contains(&module.idx()) {
            continue;
        }
        let Module::Normal(module) = module else {
            // A file that is a module of its own would still be one.
            match specifier::builtin(module.id()) {
                Some(_) => continue,
                None => return false,
            }
        };
        let mut records = module.import_records.iter();
        // It would be a chunk of its own.
        if records.any(|record| record.kind == ImportKind::DynamicImport) {
            return false;
        }
        for record in &mut module.import_records {
            record.resolved_module = None;
        }
    }
    true
}

fn files_read(bundler: &Bundler) -> Vec<PathBuf> {
    let files = bundler.watch_files();
    files.iter().map(|file| file.as_str().into()).collect()
}
