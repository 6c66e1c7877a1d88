//! What the command line says of a worker in place of its configuration.

use std::path::{Path, PathBuf};

use bundle::{Project, config};

use crate::arguments::Overrides;
use crate::error::Error;
use crate::upstream;

impl Overrides {
    /// What is a project by itself, without a configuration: a script, or a folder of assets.
    pub(crate) fn as_configuration(&self) -> Option<String> {
        let mut project = serde_json::Map::new();
        if let Some(script) = &self.script {
            project.insert("main".to_owned(), script.to_str()?.into());
        }
        if let Some(assets) = &self.assets {
            let assets = serde_json::json!({ "directory": assets.to_str()? });
            project.insert("assets".to_owned(), assets);
        }
        if project.is_empty() {
            return None;
        }
        project.insert("compatibility_date".to_owned(), config::NEWEST.into());
        serde_json::to_string(&project).ok()
    }

    /// Whether what it names is there.
    pub(crate) fn check(&self, folder: &Path) -> Result<(), Error> {
        if let Some(script) = &self.script
            && !folder.join(script).is_file()
        {
            return Err(Error::mistake(
                format_args!("there is no file {}", script.display()),
                "name the entry module of the worker, or leave it to `main` of the configuration",
            ));
        }
        if let Some(assets) = &self.assets
            && !folder.join(assets).is_dir()
        {
            return Err(Error::mistake(
                format_args!("there is no folder {}", assets.display()),
                "name the folder of the static assets, or leave it to `assets` of the configuration",
            ));
        }
        Ok(())
    }

    pub(crate) fn apply(&self, project: &mut Project, folder: &Path) -> Result<(), Error> {
        self.check(folder)?;
        if let Some(script) = &self.script {
            let main = folder.join(script);
            project.base_dir = main.parent().map_or_else(PathBuf::new, Path::to_path_buf);
            project.main = Some(main);
        }
        if let Some(name) = &self.name {
            project.name.clone_from(name);
        }
        if let Some(assets) = &self.assets {
            let directory: PathBuf = folder.join(assets).components().collect();
            match &mut project.assets {
                Some(assets) => assets.directory = directory,
                None => project.assets = Some(config::Assets::of(directory)),
            }
        }
        let flags = self.compatibility_flags.iter().cloned();
        project.compatibility_flags.extend(flags);
        project.define.extend(self.define.iter().cloned());
        project.alias.extend(self.alias.iter().cloned());
        project.minify = self.minify.unwrap_or(project.minify && !self.no_minify);
        project.no_bundle = (project.no_bundle || self.no_bundle) && self.bundle != Some(true);
        project.no_bundle |= self.bundle == Some(false);
        self.apply_code(project, folder)?;
        self.apply_origin(project)
    }

    /// How the code is read.
    fn apply_code(&self, project: &mut Project, folder: &Path) -> Result<(), Error> {
        if let Some(factory) = &self.jsx_factory {
            project.jsx_factory = Some(factory.clone());
        }
        if let Some(fragment) = &self.jsx_fragment {
            project.jsx_fragment = Some(fragment.clone());
        }
        if let Some(file) = &self.tsconfig {
            let path = folder.join(file);
            if !path.is_file() {
                return Err(Error::mistake(
                    format_args!("there is no file {}", file.display()),
                    "--tsconfig names the TypeScript configuration; without it, it is the nearest tsconfig.json",
                ));
            }
            project.tsconfig = Some(path);
        }
        Ok(())
    }

    /// What the worker sees in its requests.
    fn apply_origin(&self, project: &mut Project) -> Result<(), Error> {
        if let Some(host) = self.host.as_ref().or(self.local_upstream.as_ref()) {
            project.dev.host = Some(host.to_string());
        } else if let Some(host) = &project.dev.host {
            upstream::host(host).map_err(|why| {
                Error::mistake(
                    format_args!("`dev.host` is no host: {host}"),
                    format_args!("see {}: {why}", project.config_path.display()),
                )
            })?;
        }
        if let Some(protocol) = self.upstream_protocol {
            project.dev.upstream_protocol = Some(protocol.name());
        }
        Ok(())
    }
}
