//! The code that browsers get: one entry module and what it imports, as files to be served.

use std::path::{Path, PathBuf};

use rolldown::{Bundler, BundlerOptions};
use rolldown_common::bundler_options as rolldown_options;
use rolldown_common::{Output, StrOrBytes};

use super::Mode;
use super::builder::{default_define, incremental, minify};
use super::diagnostics;
use super::kept::Kept;
use super::tsconfig::TsConfigs;
use crate::config::Project;
use crate::error::{Diagnostic, Error, Severity};

/// What was built.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// Each with its name, such as `client.js`.
    pub files: Vec<(String, Vec<u8>)>,
    /// Files outside of packages whose change asks for a new build.
    pub watched: Vec<PathBuf>,
    /// Diagnostics of severity `Warning`.
    pub warnings: Vec<Diagnostic>,
}

/// Builds the client of one project whenever it is asked to.
#[derive(Debug, Default)]
pub struct ClientBuilder {
    /// In development, what the next build may begin with.
    kept: Option<Kept>,
}

impl ClientBuilder {
    /// Builds the client of a project whose settings name one. Needs a tokio runtime. Has to be made anew when the
    /// project's configuration changes.
    ///
    /// # Errors
    /// The mistakes in the user's files.
    pub async fn build(&mut self, project: &Project, mode: Mode) -> Result<Option<Client>, Error> {
        let Some(entry) = &project.settings.client else {
            return Ok(None);
        };
        let root = &project.root;
        let failed = |errors: Vec<rolldown_error::BuildDiagnostic>| {
            let converted = errors
                .iter()
                .filter_map(|error| diagnostics::convert(error, root));
            let mut diagnostics: Vec<Diagnostic> = converted.collect();
            if diagnostics.is_empty() {
                let message = "the client's build failed without saying why";
                diagnostics.push(Diagnostic::error(message).path(entry));
            }
            Error { diagnostics }
        };
        let again = match self.kept.take() {
            Some(kept) => kept.again().await,
            None => None,
        };
        let output = match again {
            Some((output, kept)) => {
                self.kept = Some(kept);
                output
            }
            None => {
                let bundler = Bundler::new(options(project, entry, mode))
                    .map_err(|errors| failed(errors.into_vec()))?;
                let begun = Kept::begin(bundler, root).await;
                let (output, kept) = begun.map_err(|errors| failed(errors.into_vec()))?;
                self.kept = (mode == Mode::Development).then_some(kept);
                output
            }
        };
        let (errors, warnings): (Vec<Diagnostic>, Vec<Diagnostic>) = output
            .warnings
            .iter()
            .filter_map(|warning| diagnostics::convert(warning, root))
            .partition(|diagnostic| diagnostic.severity == Severity::Error);
        if !errors.is_empty() {
            return Err(Error {
                diagnostics: errors,
            });
        }
        let mut client = Client {
            warnings,
            ..Client::default()
        };
        for output in output.assets {
            match output {
                Output::Chunk(chunk) => {
                    let modules = chunk.module_ids.iter().map(|id| PathBuf::from(id.as_str()));
                    client.watched.extend(modules.filter(|path| is_own(path)));
                    let file = (chunk.filename.to_string(), chunk.code.clone().into_bytes());
                    client.files.push(file);
                }
                Output::Asset(asset) => {
                    let content = match &asset.source {
                        StrOrBytes::Str(text) => text.clone().into_bytes(),
                        StrOrBytes::Bytes(bytes) => bytes.clone(),
                    };
                    client.files.push((asset.filename.to_string(), content));
                }
            }
        }
        client.watched.push(entry.clone());
        client.watched.sort();
        client.watched.dedup();
        Ok(Some(client))
    }
}

fn is_own(path: &Path) -> bool {
    path.is_absolute()
        && !path
            .components()
            .any(|part| part.as_os_str() == "node_modules")
}

fn options(project: &Project, entry: &Path, mode: Mode) -> BundlerOptions {
    let mut define = default_define(mode);
    define.remove("navigator.userAgent");
    define.extend(project.define.clone());
    let name = entry.file_stem().unwrap_or_default().to_string_lossy();
    BundlerOptions {
        input: Some(vec![rolldown_options::InputItem {
            name: Some(name.into_owned()),
            import: entry.to_string_lossy().into_owned(),
        }]),
        cwd: Some(project.root.clone()),
        platform: Some(rolldown_options::Platform::Browser),
        format: Some(rolldown_options::OutputFormat::Esm),
        entry_filenames: Some("[name].js".to_owned().into()),
        chunk_filenames: Some("chunk-[name]-[hash].js".to_owned().into()),
        sourcemap: (mode == Mode::Development).then_some(rolldown_options::SourceMapType::File),
        minify: minify(mode == Mode::Production, mode),
        experimental: Some(incremental(mode)),
        define: Some(define.into_iter().collect()),
        tsconfig: Some(TsConfigs::new(project.tsconfig.as_deref()).for_rolldown(entry)),
        ..Default::default()
    }
}
