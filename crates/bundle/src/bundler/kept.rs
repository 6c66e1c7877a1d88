//! A bundler that is kept from one build to the next, so that it reads and analyses only what changed.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rolldown::{BundleOutput, Bundler};
use rolldown_common::ScanMode;
use rolldown_error::BuildResult;

use super::known::Known;

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
    /// code between the imports of the project's own files, or there is a mistake in it, which is told best from there.
    pub(super) async fn again(self) -> Option<(BundleOutput, Self)> {
        let Self { bundler, mut known } = self;
        let mut bundler = bundler.into_inner().unwrap_or_else(PoisonError::into_inner);
        let changed = known.changed()?;
        let changed = changed.iter().map(|path| Some(path.to_str()?.into()));
        let changed = changed.collect::<Option<Vec<_>>>()?;
        // Its own task, so that a bug of the bundler with what it kept costs no more than that.
        let building = tokio::spawn(async move {
            bundler.clear_resolver_cache();
            let output = bundler
                .incremental_generate(ScanMode::Partial(changed))
                .await;
            (bundler, output)
        });
        let (bundler, output) = building.await.ok()?;
        let output = output.ok()?;
        known.learn(files_read(&bundler));
        let bundler = Mutex::new(bundler);
        Some((output, Self { bundler, known }))
    }
}

fn files_read(bundler: &Bundler) -> Vec<PathBuf> {
    let files = bundler.watch_files();
    files.iter().map(|file| file.as_str().into()).collect()
}
