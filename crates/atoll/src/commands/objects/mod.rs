//! `atoll objects`: looking into stored objects, and taking them out, back, along and away.

mod export;
mod moment;
mod show;
mod table;

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Local, Utc};
use host::Runtime;
use owo_colors::OwoColorize as _;

use crate::arguments::objects::{Command, Object, Objects, Place};
use crate::control::{self, Address, Answer, Listed, Moment, Operation, Refusal, connect, perform};
use crate::error::Error;
use crate::fleet::zygote;
use crate::objects::{Bounds, not_opened, state_folder};
use crate::{lines, terminal};

pub(crate) async fn run(arguments: Objects) -> Result<(), Error> {
    let Objects { command, place } = arguments;
    let stored = Stored::find(&place)?;
    match command {
        Command::List { class } => {
            let answer = stored.perform(Operation::List { class }).await?;
            show::list(answer, place.json)
        }
        Command::Show { object } => {
            let object = object.into();
            let answer = stored.perform(Operation::Show { object }).await?;
            show::object(answer, place.json)
        }
        Command::Sql {
            object,
            query,
            limit,
        } => {
            let operation = Operation::Sql {
                object: object.into(),
                query: read_query(query)?,
                limit: if limit == 0 { u64::MAX >> 11 } else { limit },
            };
            show::rows(stored.perform(operation).await?, place.json, limit)
        }
        Command::Export {
            object,
            output,
            at,
            force,
        } => export::run(&stored, object, output, at, force, place.json).await,
        Command::Import { object, file } => {
            let from = std::path::absolute(&file)
                .map_err(|error| Error::failed("cannot tell where the file is", error))?;
            let object = object.into();
            let answer = stored.perform(Operation::Import { object, from }).await?;
            done(answer, place.json, |object| {
                format!(
                    "{} is here now, {}",
                    named(object),
                    lines::size(object.bytes)
                )
            })
        }
        Command::Restore { object, to } => {
            let words = (object.class.clone(), object.name.clone());
            let operation = Operation::Restore {
                object: object.into(),
                to: moment(&to)?,
            };
            let Answer::Restored { object, undo } = stored.perform(operation).await? else {
                return Err(unexpected());
            };
            if place.json {
                return show::json(&serde_json::json!({ "object": object, "undo": undo }));
            }
            if object.bytes == 0 {
                terminal::line(format_args!(
                    "{} is empty now: nothing was in it at that moment",
                    named(&object)
                ));
            } else {
                terminal::line(format_args!(
                    "{} is as it was, {}",
                    named(&object),
                    lines::size(object.bytes)
                ));
            }
            let (class, name) = words;
            terminal::hint(format_args!(
                "to undo this: atoll objects restore {class} {} --to {undo}",
                control::shell_word(&name)
            ));
            Ok(())
        }
        Command::Fork {
            object,
            new_name,
            to_class,
            at,
        } => {
            let to = Address {
                class: to_class.unwrap_or_else(|| object.class.clone()),
                name: new_name,
            };
            let from = object.name.clone();
            let operation = Operation::Fork {
                object: object.into(),
                to,
                at: at.as_deref().map(moment).transpose()?,
            };
            let answer = stored.perform(operation).await?;
            done(answer, place.json, |object| {
                format!("{} is a copy of {from}", named(object))
            })
        }
        Command::Delete { object, yes } => delete(&stored, object, yes, place.json).await,
    }
}

impl From<Object> for Address {
    fn from(object: Object) -> Self {
        Self {
            class: object.class,
            name: object.name,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let Refusal {
            message,
            hint,
            is_mistake,
        } = refusal;
        match is_mistake {
            true => Self::Mistake { message, hint },
            false => Self::Failed {
                error: anyhow::Error::msg(message),
                hint,
            },
        }
    }
}

fn unexpected() -> Error {
    Error::Failed {
        error: anyhow::Error::msg("the server gave an answer to another question"),
        hint: None,
    }
}

/// A folder of state.
struct Stored {
    folder: PathBuf,
}

impl Stored {
    /// The folder that the arguments mean.
    fn find(place: &Place) -> Result<Self, Error> {
        let is_state = |folder: &Path| folder.join("format").exists();
        let beside = |folder: &Path| folder.join(".atoll").join("state");
        let folder = match (&place.persist_to, &place.config) {
            (Some(folder), _) => folder.clone(),
            (None, Some(config)) if config.is_dir() => beside(config),
            (None, Some(config)) => state_folder(None, Some(config))?,
            (None, None) => {
                let current = std::env::current_dir()
                    .map_err(|error| Error::failed("cannot tell the current folder", error))?;
                let mut above = current.ancestors().map(beside);
                above
                    .find(|folder| is_state(folder))
                    .unwrap_or_else(|| beside(&current))
            }
        };
        if is_state(&folder) {
            return Ok(Self { folder });
        }
        Err(Error::mistake(
            format_args!("no objects are stored in {}", folder.display()),
            "run it beside the configuration of a worker that has run, or name the folder of state with --persist-to",
        ))
    }

    /// Has it done by the server that has the folder open, or does it here.
    async fn perform(&self, operation: Operation) -> Result<Answer, Error> {
        if let Some(server) = connect(&self.folder).await {
            return Ok(server.perform(&operation).await?);
        }
        let bounds = Bounds::of_folder(&self.folder)?;
        let runtime = Runtime::start(host::Options {
            zygote: zygote()?,
            processes: 1,
        })
        .await?;
        let mut options = bounds.options(&self.folder);
        // History is for the server to take away, which knows whether the settings are still the same.
        options.retention = Duration::MAX;
        runtime
            .open_storage(&options)
            .await
            .map_err(not_looked_into)?;
        let outcome = perform(&runtime, bounds.days(), operation).await;
        runtime
            .close()
            .await
            .map_err(|error| Error::failed("storage was not closed as it should be", error))?;
        Ok(outcome?)
    }
}

/// Why nothing can be done with a folder of state, and what to do about it.
fn not_looked_into(error: host::Error) -> Error {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    if let host::Error::Storage(storage::Error::Io { cause, .. }) = &error
        && matches!(cause.kind(), PermissionDenied | ReadOnlyFilesystem)
    {
        return Error::Failed {
            error: anyhow::Error::new(error)
                .context("cannot look into objects without writing to their folder"),
            hint: Some(
                "their files lag behind the log, which is brought to them first: run it as the user whose folder that is, or on a copy that nothing has open: --persist-to COPY"
                    .to_owned(),
            ),
        };
    }
    not_opened(
        error,
        "what has it open does not answer: if it is just starting or ending, try again",
    )
}

/// What a person calls an object.
fn named(object: &Listed) -> String {
    format!(
        "{} {}",
        object.class_label(),
        table::one_line(object.name_or_id()).bold()
    )
}

fn local(time: DateTime<Utc>) -> String {
    time.with_timezone(&Local)
        .format("%Y-%m-%d %H:%M:%S")
        .to_string()
}

fn moment(text: &str) -> Result<Moment, Error> {
    moment::parse(text, Utc::now())
}

fn done(answer: Answer, json: bool, say: impl FnOnce(&Listed) -> String) -> Result<(), Error> {
    let Answer::Done(object) = answer else {
        return Err(unexpected());
    };
    if json {
        return show::json(&object);
    }
    terminal::line(format_args!("{}", say(&object)));
    Ok(())
}

fn read_query(query: String) -> Result<String, Error> {
    if query != "-" {
        return Ok(query);
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Error::failed("cannot read the query", error))?;
    Ok(text)
}

async fn delete(stored: &Stored, object: Object, yes: bool, json: bool) -> Result<(), Error> {
    let object: Address = object.into();
    if !yes {
        // Before the question, so that it is about something that is there.
        let asked = Operation::Show {
            object: object.clone(),
        };
        let Answer::Shown(shown) = stored.perform(asked).await? else {
            return Err(unexpected());
        };
        if !std::io::stdin().is_terminal() {
            return Err(Error::mistake(
                format_args!("{} would be deleted for good", named(&shown.object)),
                "say that this is meant with --yes",
            ));
        }
        let facets = match shown.facets {
            0 => String::new(),
            1 => ", its facet".to_owned(),
            many => format!(", its {many} facets"),
        };
        terminal::ask(format_args!(
            "Delete {} ({}){facets} and its history for good? [y/N] ",
            named(&shown.object),
            lines::size(shown.object.bytes),
        ));
        let mut answer = String::new();
        std::io::stdin()
            .read_line(&mut answer)
            .map_err(|error| Error::failed("cannot read the answer", error))?;
        if !matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
            terminal::line(format_args!("nothing is deleted"));
            return Err(Error::Told);
        }
    }
    let answer = stored.perform(Operation::Delete { object }).await?;
    done(answer, json, |object| format!("{} is gone", named(object)))
}
