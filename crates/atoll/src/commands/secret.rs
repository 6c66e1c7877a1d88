//! `atoll secret`: what egress policies give away, and workers do not see.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use bundle::config::is_secret_name;
use chrono::{DateTime, Utc};
use host::secrets::SecretStore;

use crate::arguments::secret::{Command, Secret};
use crate::error::Error;
use crate::objects::{keep_out_of_version_control, state_folder};
use crate::powers::{key_path, of_secrets};
use crate::terminal;

pub(crate) fn run(arguments: Secret) -> Result<(), Error> {
    let folder = state_folder(arguments.persist_to.as_deref(), arguments.config.as_deref())?;
    let store = SecretStore::new(&folder, &key_path(arguments.key_file.as_deref())?);
    match arguments.command {
        Command::Put { name, file } => put(&store, &folder, &name, file.as_deref()),
        Command::List { json } => list(&store, json),
        Command::Delete { name } => {
            if store.delete(&name).map_err(of_secrets)? {
                return Ok(());
            }
            Err(Error::mistake(
                format_args!("there is no secret {name}"),
                "see which there are: atoll secret list",
            ))
        }
    }
}

fn put(store: &SecretStore, folder: &Path, name: &str, file: Option<&Path>) -> Result<(), Error> {
    if !is_secret_name(name) {
        return Err(Error::mistake(
            format_args!("{name:?} cannot be a secret's name"),
            "use letters, digits and underscores, such as GITHUB_TOKEN",
        ));
    }
    let value = match file {
        Some(file) => std::fs::read_to_string(file).map_err(|error| {
            Error::mistake(
                format_args!("cannot read {}: {error}", file.display()),
                "name a file of text, or pipe the value in",
            )
        })?,
        None => from_standard_input(name)?,
    };
    // What an editor or `echo` adds is not meant.
    let value = value.strip_suffix('\n').unwrap_or(&value);
    let value = value.strip_suffix('\r').unwrap_or(value);
    if value.is_empty() {
        return Err(Error::mistake(
            "the value is empty",
            format_args!("printenv {name} | atoll secret put {name}"),
        ));
    }
    keep_out_of_version_control(folder);
    if store.put(name, value).map_err(of_secrets)? {
        terminal::note(format_args!(
            "secrets are sealed with the new key in {}: without that file they are lost",
            store.key_path().display()
        ));
    }
    Ok(())
}

fn from_standard_input(name: &str) -> Result<String, Error> {
    let mut value = String::new();
    let mut input = std::io::stdin();
    let read = if input.is_terminal() {
        terminal::ask(format_args!("The value of {name} (it shows as you type): "));
        input.read_line(&mut value)
    } else {
        input.read_to_string(&mut value)
    };
    read.map_err(|error| Error::failed("cannot read the value", error))?;
    Ok(value)
}

fn list(store: &SecretStore, json: bool) -> Result<(), Error> {
    let secrets = store.list().map_err(of_secrets)?;
    let time = |seconds: u64| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default()
    };
    if json {
        let listed = secrets.iter().map(|secret| {
            let changed = time(secret.changed).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            serde_json::json!({ "name": secret.name, "changed": changed })
        });
        let listed: serde_json::Value = listed.collect();
        terminal::data(format_args!("{listed}"));
        return Ok(());
    }
    if secrets.is_empty() {
        terminal::line(format_args!("no secrets"));
    }
    let width = secrets
        .iter()
        .map(|secret| secret.name.len())
        .max()
        .unwrap_or(0);
    for secret in secrets {
        let changed = time(secret.changed).with_timezone(&chrono::Local);
        terminal::data(format_args!(
            "{:<width$}  {}",
            secret.name,
            changed.format("%Y-%m-%d %H:%M:%S")
        ));
    }
    Ok(())
}
