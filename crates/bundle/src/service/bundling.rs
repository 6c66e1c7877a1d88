//! All modules of a program in one.

use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use oxc_sourcemap::SourceMap;
use rolldown::{Bundler, BundlerOptions};
use rolldown_common::bundler_options as rolldown_options;
use rolldown_common::{Output, OutputChunk};

use super::files::{Files, absolute};
use super::plugin::{FilesPlugin, Found, Resolvers};
use super::project::TsConfig;
use super::reply::Failure;
use super::request::Options;
use crate::bundler::diagnostics;
use crate::error::{Diagnostic, Severity};
use crate::exports;

/// Where a bundle runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Worker,
    Browser,
}

/// A bundle, and what belongs to it.
#[derive(Debug)]
pub(super) struct Bundle {
    pub(super) code: String,
    /// The style sheets that its modules import, in their order.
    pub(super) styles: String,
    pub(super) found: Found,
}

/// What is the same for all bundles of one request.
#[derive(Debug)]
pub(super) struct Bundling {
    pub(super) files: Files,
    pub(super) options: Arc<Options>,
    pub(super) tsconfig: TsConfig,
}

impl Bundling {
    pub(super) async fn bundle(&self, entry: &str, place: Place) -> Result<Bundle, Failure> {
        let found = Arc::new(Mutex::new(Found::default()));
        let conditions = self.options.conditions.clone().unwrap_or_else(|| {
            let names: &[&str] = match place {
                Place::Worker => &["workerd", "worker", "browser"],
                Place::Browser => &["browser"],
            };
            names.iter().map(|name| (*name).to_owned()).collect()
        });
        let plugin = FilesPlugin {
            files: self.files.clone(),
            options: Arc::clone(&self.options),
            legacy_decorators: self.tsconfig.legacy_decorators,
            resolvers: Arc::new(Resolvers::new(&self.files, &conditions)),
            found: Arc::clone(&found),
        };
        let options = self.rolldown(&absolute(entry)?, place)?;
        let failed = |errors: Vec<rolldown_error::BuildDiagnostic>| self.failure(&errors, &found);
        finish_dropping();
        let bundler = Bundler::with_plugins(options, vec![Arc::new(plugin)])
            .map_err(|errors| failed(errors.into_vec()))?;
        // The process ends after a build, which frees it all at once.
        let mut bundler = ManuallyDrop::new(bundler);
        let output = bundler.generate().await;
        let output = output.map_err(|errors| failed(errors.into_vec()))?;
        let diagnostics = output.warnings.iter();
        let (errors, warnings): (Vec<Diagnostic>, Vec<Diagnostic>) = diagnostics
            .filter_map(|warning| diagnostics::convert(warning, Path::new("/")))
            .partition(|diagnostic| diagnostic.severity == Severity::Error);
        if !errors.is_empty() {
            return Err(Failure::of_source(&errors));
        }
        let mut found = take(&found);
        found.warnings.sort_unstable();
        let texts = warnings.into_iter().map(|warning| warning.message);
        found.warnings.extend(texts);
        let chunk = output.assets.iter().find_map(|asset| match asset {
            Output::Chunk(chunk) => Some(chunk),
            Output::Asset(_) => None,
        });
        let Some(chunk) = chunk else {
            return Err(Failure::new(format!("The bundle of \"{entry}\" is empty.")));
        };
        let mut code = chunk.code.clone();
        if let Some(declarations) = exports::missing_declarations(&code) {
            code.push_str(&declarations);
        }
        if self.options.sourcemap
            && let Some(map) = &chunk.map
        {
            code.push_str(&inline_map(map));
        }
        Ok(Bundle {
            code,
            styles: ordered_styles(chunk, &found),
            found,
        })
    }

    fn failure(&self, errors: &[rolldown_error::BuildDiagnostic], found: &Mutex<Found>) -> Failure {
        let found = take(found);
        // A pass that found a mistake stops the bundler, whose own message then says less.
        if !found.diagnostics.is_empty() {
            return Failure::of_source(&found.diagnostics);
        }
        let mut diagnostics: Vec<Diagnostic> = errors
            .iter()
            .filter_map(|error| diagnostics::convert(error, Path::new("/")))
            .collect();
        if diagnostics.is_empty() {
            diagnostics.push(Diagnostic::error("the build failed without saying why"));
        }
        Failure::of_source(&diagnostics)
    }

    fn rolldown(&self, entry: &str, place: Place) -> Result<BundlerOptions, Failure> {
        let options = &self.options;
        let target = match place {
            Place::Worker => options.target.as_deref().unwrap_or("es2022"),
            Place::Browser => "es2022",
        };
        oxc::transformer::EnvOptions::from_target(target)
            .map_err(|_| Failure::new(format!("Invalid target \"{target}\"")))?;
        let mode = match options.minify {
            true => "\"production\"",
            false => "\"development\"",
        };
        let mut define = vec![("process.env.NODE_ENV".to_owned(), mode.to_owned())];
        for (name, value) in options.define.iter().flatten() {
            define.retain(|(known, _)| known != name);
            define.push((name.clone(), value.clone()));
        }
        Ok(BundlerOptions {
            input: Some(vec![rolldown_options::InputItem {
                name: Some("bundle".into()),
                import: entry.to_owned(),
            }]),
            cwd: Some(PathBuf::from("/")),
            platform: Some(rolldown_options::Platform::Browser),
            format: Some(rolldown_options::OutputFormat::Esm),
            entry_filenames: Some("[name].js".to_owned().into()),
            code_splitting: Some(rolldown_options::CodeSplittingMode::Bool(false)),
            sourcemap: options
                .sourcemap
                .then_some(rolldown_options::SourceMapType::Hidden),
            preserve_entry_signatures: Some(rolldown_options::PreserveEntrySignatures::Strict),
            // Each module loses its dead code anyhow; the whole bundle is not gone through once more for it, as with esbuild.
            minify: Some(options.minify.into()),
            define: Some(define.into_iter().collect()),
            dir: Some("/".into()),
            transform: Some(rolldown_options::BundlerTransformOptions {
                jsx: Some(self.jsx()?),
                target: Some(rolldown_options::Either::Left(target.to_owned())),
                decorator: self.tsconfig.legacy_decorators.then(|| {
                    rolldown_options::DecoratorOptions {
                        legacy: Some(true),
                        ..Default::default()
                    }
                }),
                ..Default::default()
            }),
            // There is no disk to look for one; what matters of it is read from the files.
            tsconfig: Some(rolldown_options::TsConfig::Auto(false)),
            ..Default::default()
        })
    }

    /// The option, else what `tsconfig.json` says, else `React.createElement`.
    fn jsx(
        &self,
    ) -> Result<rolldown_options::Either<String, rolldown_options::JsxOptions>, Failure> {
        use rolldown_options::Either;
        let (options, tsconfig) = (&self.options, &self.tsconfig);
        let mode = match (options.jsx.as_deref(), tsconfig.jsx.as_deref()) {
            (Some(mode), _) => mode,
            // `preserve` is meant for another tool; here nothing comes after.
            (None, Some("react-jsx" | "react-jsxdev" | "preserve")) => "automatic",
            (None, _) => "transform",
        };
        match mode {
            "preserve" => Ok(Either::Left("preserve".to_owned())),
            "automatic" => Ok(Either::Right(rolldown_options::JsxOptions {
                runtime: Some("automatic".into()),
                import_source: options
                    .jsx_import_source
                    .clone()
                    .or_else(|| tsconfig.jsx_import_source.clone()),
                ..Default::default()
            })),
            "transform" => Ok(Either::Right(rolldown_options::JsxOptions {
                runtime: Some("classic".into()),
                pragma: tsconfig.jsx_factory.clone(),
                pragma_frag: tsconfig.jsx_fragment_factory.clone(),
                ..Default::default()
            })),
            other => Err(Failure::new(format!(
                "Invalid value \"{other}\" for the option \"jsx\": it is \"transform\", \"preserve\" or \"automatic\"."
            ))),
        }
    }
}

/// The bundler leaves to others what there is to free after a build, and its next build waits for that. Where this thread is
/// the only one, it has to do it itself.
pub(super) fn finish_dropping() {
    while rayon::yield_now() == Some(rayon::Yield::Executed) {}
}

fn take(found: &Mutex<Found>) -> Found {
    std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner))
}

fn ordered_styles(chunk: &OutputChunk, found: &Found) -> String {
    let in_order = chunk.modules.keys.iter().map(|id| id.as_str());
    let known: Vec<&str> = in_order
        .filter(|id| found.styles.contains_key(*id))
        .collect();
    // A sheet whose module was dropped as unused is a sheet nevertheless.
    let dropped = found.styles.keys().map(String::as_str);
    let dropped = dropped.filter(|id| !known.contains(id));
    let all = known.iter().copied().chain(dropped);
    all.filter_map(|id| found.styles.get(id).map(String::as_str))
        .collect()
}

fn inline_map(map: &SourceMap<'_>) -> String {
    format!("\n//# sourceMappingURL={}\n", map.to_data_url())
}
