//! The language models of each worker, kept over its deployments so that answers under way go on.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bundle::Project;
use bundle::config::Model;
use host::{Body, Egress, FetchError, Fetcher, Request, Response};
use http::StatusCode;
use model::{Models, Names, Options, Script, Scripted};

use crate::error::Error;

/// The folder of answers in the folder of state.
const FOLDER: &str = "models";

/// What `env.AI` leads to where no model is named.
struct Unnamed;

impl Fetcher for Unnamed {
    fn fetch(
        &self,
        _: Request,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        let message = "no model is named. Write \"model\": { \"url\": \"https://...\", \"keyFrom\": \"NAME_OF_A_VARIABLE\" } \
                       or \"model\": { \"scripted\": true } in atoll.jsonc";
        let error = serde_json::json!({ "success": false, "name": "AiError", "errors": [{ "code": 503, "message": message }] });
        let mut response = Response::new(Body::full(error.to_string()));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        Box::pin(std::future::ready(Ok(response)))
    }
}

/// The models of all workers.
#[derive(Clone, Default)]
pub(crate) struct AllModels(Arc<Mutex<HashMap<String, Known>>>);

struct Known {
    settings: Option<Model>,
    fetcher: Arc<dyn Fetcher>,
}

impl AllModels {
    /// What a worker asks, the same as before unless its settings changed.
    pub(crate) fn of(
        &self,
        project: &Project,
        egress: &Egress,
        state: &Path,
    ) -> Result<Arc<dyn Fetcher>, Error> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = &project.settings.model;
        if let Some(known) = all.get(&project.name)
            && known.settings == *settings
        {
            return Ok(Arc::clone(&known.fetcher));
        }
        let fetcher: Arc<dyn Fetcher> = match settings {
            Some(settings) => Arc::new(open(project, settings, egress, state)?),
            None => Arc::new(Unnamed),
        };
        let known = Known {
            settings: settings.clone(),
            fetcher: Arc::clone(&fetcher),
        };
        all.insert(project.name.clone(), known);
        Ok(fetcher)
    }
}

fn open(
    project: &Project,
    settings: &Model,
    egress: &Egress,
    state: &Path,
) -> Result<Models, Error> {
    let options = Options {
        url: String::new(),
        key: None,
        names: Names::default(),
        network: Arc::new(egress.clone()),
        folder: Some(state.join(FOLDER).join(&project.name)),
        worker: project.name.clone(),
    };
    let options = match settings {
        Model::Scripted(script) => {
            let script = Script::parse(script)
                .map_err(|error| Error::mistake(error, "see `model.scripted` in atoll.jsonc"))?;
            Options {
                url: "http://scripted/v1".to_owned(),
                network: Arc::new(Scripted::new(script)),
                ..options
            }
        }
        Model::Server {
            url,
            key,
            key_from,
            name,
            names,
        } => Options {
            url: url.clone(),
            key: match key_from {
                Some(variable) => Some(std::env::var(variable).map_err(|_| {
                    Error::mistake(
                        format_args!("the environment has no variable {variable}"),
                        "`model.keyFrom` in atoll.jsonc names the one that has the model's key",
                    )
                })?),
                None => key.clone(),
            },
            names: Names {
                text: name.clone(),
                embeddings: names.embeddings.clone(),
                images: names.images.clone(),
                speech: names.speech.clone(),
                transcription: names.transcription.clone(),
                reranking: names.reranking.clone(),
                voice: names.voice.clone(),
            },
            ..options
        },
    };
    Models::new(options).map_err(|error| Error::failed("cannot keep answers of models", error))
}
