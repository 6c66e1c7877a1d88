//! Scripts of skills: each becomes one module that imports nothing.

use std::path::{Path, PathBuf};

use rolldown::{Bundler, BundlerOptions};
use rolldown_common::Output;
use rolldown_common::bundler_options as rolldown_options;
use rolldown_error::BuildDiagnostic;

use crate::bundler::diagnostics;
use crate::error::Severity;

/// Whether a script is one that can be bundled, told by its name.
pub(super) fn is_bundled(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| {
        ["js", "mjs", "ts", "tsx"].contains(&&*extension.to_ascii_lowercase())
    })
}

/// The script with all that it imports, and the files of that; or why there is no such thing.
pub(super) async fn bundle(script: &Path) -> Result<(String, Vec<PathBuf>), String> {
    let folder = script.parent().unwrap_or(script);
    let reason = |all: &[BuildDiagnostic]| {
        let errors = all
            .iter()
            .filter_map(|one| diagnostics::convert(one, folder))
            .filter(|one| one.severity == Severity::Error);
        errors.map(|one| one.message).next()
    };
    let failed = |errors: &[BuildDiagnostic]| {
        reason(errors).unwrap_or_else(|| "the bundler does not say why".to_owned())
    };
    let options = BundlerOptions {
        input: Some(vec![rolldown_options::InputItem {
            name: Some("script".into()),
            import: script.to_string_lossy().into_owned(),
        }]),
        cwd: Some(folder.to_path_buf()),
        platform: Some(rolldown_options::Platform::Browser),
        format: Some(rolldown_options::OutputFormat::Esm),
        code_splitting: Some(rolldown_options::CodeSplittingMode::Bool(false)),
        ..Default::default()
    };
    let mut bundler = Bundler::new(options).map_err(|errors| failed(&errors.into_vec()))?;
    let output = bundler.generate().await;
    // Nothing is left to close but plugins, and there are none.
    let _ = bundler.close().await;
    let output = output.map_err(|errors| failed(&errors.into_vec()))?;
    if let Some(reason) = reason(&output.warnings) {
        return Err(reason);
    }
    for output in output.assets {
        if let Output::Chunk(chunk) = output {
            let files = chunk.module_ids.iter();
            let files = files.map(|id| PathBuf::from(id.as_str()));
            let files = files.filter(|file| file.is_absolute()).collect();
            return Ok((chunk.code.clone(), files));
        }
    }
    Err("the bundler makes no code of it".to_owned())
}
