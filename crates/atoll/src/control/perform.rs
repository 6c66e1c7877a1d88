//! Doing operations on the store of a runtime.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use host::{Body, FetchError, Reading, Request, Runtime, Store};
use protocol::{Module, ModuleKind, Program};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use storage::{Bookmark, Namespace};

use super::find::{self, Found};
use super::{Address, Answer, Content, Listed, Moment, Operation, Refusal, Rows, Shown};

/// What callers of an object are told that is taken away from them.
const RESTORED: &str = "Durable Object reset because it was restored by its operator.";
const MADE: &str = "Durable Object reset because its operator made it from another one.";
const DELETED: &str = "Durable Object reset because it was deleted by its operator.";
/// The code that looks into databases, in a jail.
const READER: &str = include_str!("reader.js");

/// Does what is asked for. Objects can go back for so many days.
pub(crate) async fn perform(
    runtime: &Runtime,
    days: u32,
    operation: Operation,
) -> Result<Answer, Refusal> {
    let store = runtime
        .store()
        .ok_or_else(|| Refusal::failed("this server has no stored objects"))?;
    match operation {
        Operation::List { class } => blocking(move || list(&store, class.as_deref())).await,
        Operation::Show { object } => show(runtime, store, object).await,
        Operation::Sql {
            object,
            query,
            limit,
        } => {
            let found = find::object(&store, &object)?;
            let asked = serde_json::json!({ "query": query, "limit": limit });
            let rows: Rows = read(runtime, &store, &found, &asked).await?;
            Ok(Answer::Rows(rows))
        }
        Operation::Export { object, at, to } => {
            blocking(move || {
                let found = find::object(&store, &object)?;
                let at = bookmark(&store, &found, at.as_ref())?;
                store
                    .export(&found.namespace, found.object.id, at.as_ref(), &to)
                    .map_err(|error| refuse_back(error, days))?;
                done(&store, &found)
            })
            .await
        }
        Operation::Import { object, from } => {
            make_room(runtime, &store, &object).await?;
            blocking(move || import(&store, &object, &from)).await
        }
        Operation::Restore { object, to } => restore(runtime, store, object, to, days).await,
        Operation::Fork { object, to, at } => {
            make_room(runtime, &store, &to).await?;
            blocking(move || {
                let found = find::object(&store, &object)?;
                let at = bookmark(&store, &found, at.as_ref())?;
                let (namespace, id, name) = find::place(&store, &to)?;
                store
                    .fork(
                        (&found.namespace, found.object.id),
                        at.as_ref(),
                        (&namespace, id),
                        name.as_deref(),
                    )
                    .map_err(|error| match error {
                        storage::Error::OutOfRetention => refuse_back(error, days),
                        error => refuse_new(error, &to),
                    })?;
                made(&store, &namespace, id)
            })
            .await
        }
        Operation::Delete { object } => {
            let found = find::object(&store, &object)?;
            let listed = find::listed(&store, &found.namespace, &found.object);
            let (namespace, id) = (found.namespace.clone(), found.object.id);
            let deleted = runtime.delete_object(&namespace, id, DELETED).await;
            deleted.map_err(refuse)?;
            Ok(Answer::Done(listed))
        }
    }
}

/// An object may be awake that has never stored anything.
async fn make_room(runtime: &Runtime, store: &Store, address: &Address) -> Result<(), Refusal> {
    let (namespace, id, _) = find::place(store, address)?;
    if store.object(&namespace, id).is_err() {
        runtime.evict(&namespace, id, MADE).await;
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Refusal::failed(error)))
}

fn list(store: &Store, class: Option<&str>) -> Result<Answer, Refusal> {
    let namespaces = match class {
        Some(class) => vec![find::namespace(store, class)?],
        None => store.namespaces(),
    };
    let mut all: Vec<Listed> = Vec::new();
    for namespace in &namespaces {
        let objects = store.objects(namespace);
        all.extend(objects.map(|object| find::listed(store, namespace, &object)));
    }
    all.sort_by(|one, other| {
        let key = |listed: &Listed| {
            let (worker, class) = (listed.worker.clone(), listed.class.clone());
            (
                class,
                worker,
                match &listed.facet {
                    Some(facet) => !facet.is_named,
                    None => listed.name.is_none(),
                },
                listed.name.as_ref().unwrap_or(&listed.id).clone(),
                listed.jurisdiction.clone(),
                listed.id.clone(),
            )
        };
        key(one).cmp(&key(other))
    });
    Ok(Answer::Objects(all))
}

async fn show(runtime: &Runtime, store: Arc<Store>, object: Address) -> Result<Answer, Refusal> {
    let found = find::object(&store, &object)?;
    let asked = serde_json::json!({ "query": null, "limit": 0 });
    let content: Content = read(runtime, &store, &found, &asked).await?;
    let bookmark = store
        .bookmark(&found.namespace, found.object.id)
        .map_err(refuse)?;
    let facets = runtime.stored_facets(&found.namespace, found.object.id);
    Ok(Answer::Shown(Box::new(Shown {
        object: find::listed(&store, &found.namespace, &found.object),
        bookmark: bookmark.to_string(),
        facets: facets as u64,
        content,
    })))
}

async fn restore(
    runtime: &Runtime,
    store: Arc<Store>,
    object: Address,
    to: Moment,
    days: u32,
) -> Result<Answer, Refusal> {
    let found = find::object(&store, &object)?;
    let (namespace, id) = (found.namespace.clone(), found.object.id);
    let checked = Arc::clone(&store);
    // Before it is reset: one that stays as it is keeps what it has in memory as well.
    let (found, target) = blocking(move || {
        let target = match bookmark(&checked, &found, Some(&to))? {
            Some(target) => target,
            None => checked
                .bookmark(&found.namespace, found.object.id)
                .map_err(refuse)?,
        };
        checked
            .check_restore(&found.namespace, found.object.id, &target)
            .map_err(|error| refuse_back(error, days))?;
        Ok((found, target))
    })
    .await?;
    runtime.evict(&namespace, id, RESTORED).await;
    let answer = blocking(move || {
        let undo = store
            .restore(&found.namespace, found.object.id, &target)
            .map_err(|error| refuse_back(error, days))?;
        let object = store
            .object(&found.namespace, found.object.id)
            .map_err(refuse)?;
        Ok(Answer::Restored {
            object: find::listed(&store, &found.namespace, &object),
            undo: undo.to_string(),
        })
    })
    .await?;
    // One that came in between goes back when it is opened again.
    runtime.evict(&namespace, id, RESTORED).await;
    Ok(answer)
}

fn import(store: &Store, address: &Address, from: &Path) -> Result<Answer, Refusal> {
    let (namespace, id, name) = find::place(store, address)?;
    store
        .import(&namespace, id, name.as_deref(), from)
        .map_err(|error| refuse_new(error, address))?;
    made(store, &namespace, id)
}

fn made(store: &Store, namespace: &Namespace, id: [u8; 32]) -> Result<Answer, Refusal> {
    let object = store.object(namespace, id).map_err(refuse)?;
    Ok(Answer::Done(find::listed(store, namespace, &object)))
}

fn done(store: &Store, found: &Found) -> Result<Answer, Refusal> {
    made(store, &found.namespace, found.object.id)
}

fn bookmark(
    store: &Store,
    found: &Found,
    at: Option<&Moment>,
) -> Result<Option<Bookmark>, Refusal> {
    match at {
        None => Ok(None),
        Some(Moment::Time(time_ms)) => {
            let bookmark = store.bookmark_for_time(&found.namespace, found.object.id, *time_ms);
            Ok(Some(bookmark))
        }
        Some(Moment::Bookmark(text)) => text.parse().map(Some).map_err(refuse),
    }
}

/// What a reader says of a query that does not work.
#[derive(Deserialize)]
struct Complaint {
    error: String,
}

/// Asks the reader about a copy of an object's database.
async fn read<T: DeserializeOwned>(
    runtime: &Runtime,
    store: &Arc<Store>,
    found: &Found,
    asked: &serde_json::Value,
) -> Result<T, Refusal> {
    let (namespace, id) = (found.namespace.clone(), found.object.id);
    let store = Arc::clone(store);
    let (copy, file) = blocking(move || {
        let copy = store.snapshot_file(&namespace, id).map_err(refuse)?;
        let file = File::open(copy.path()).map_err(Refusal::failed)?;
        Ok((copy, file))
    })
    .await?;
    let mut request = Request::new(Body::full(asked.to_string()));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = http::Uri::from_static("http://reader/");
    let reading = Reading {
        program: Program {
            name: "objects".to_owned(),
            main: "reader.js".to_owned(),
            modules: vec![Module {
                name: "reader.js".to_owned(),
                kind: ModuleKind::EsModule,
                content: READER.as_bytes().to_vec(),
            }],
            compatibility_date: "2026-06-11".to_owned(),
            compatibility_flags: vec!["nodejs_compat".to_owned()],
            ..Program::default()
        },
        class: "Reader".to_owned(),
        file,
        request,
    };
    let answer = runtime.read_database(reading).await;
    drop(copy);
    let answer = answer.map_err(|error| Refusal {
        hint: matches!(error, FetchError::Worker(_)).then(|| {
            "a query may use as much memory and processor time as a request: ask for less at once"
                .to_owned()
        }),
        ..Refusal::failed(format_args!("the object cannot be read: {error}"))
    })?;
    if answer.status().is_success() {
        return serde_json::from_slice(answer.body()).map_err(Refusal::failed);
    }
    let complaint: Complaint = serde_json::from_slice(answer.body()).map_err(Refusal::failed)?;
    Err(refuse_query(&complaint.error))
}

fn refuse_query(error: &str) -> Refusal {
    if error.ends_with("SQLITE_READONLY") {
        return Refusal::mistake(
            "`atoll objects sql` only reads, and this would write",
            "change it through its worker; or take it out with `export`, change the file, and bring it back with \
             `delete` and `import`",
        );
    }
    Refusal {
        hint: error
            .contains("not authorized")
            .then(|| "it reads what the object's own SQL could read".to_owned()),
        is_mistake: true,
        ..Refusal::failed(error)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` calls")]
fn refuse(error: storage::Error) -> Refusal {
    let message = error.to_string();
    match error {
        storage::Error::Bookmark(_) | storage::Error::OtherBookmark => {
            Refusal::mistake(message, "`atoll objects show` tells an object's bookmark")
        }
        storage::Error::Quota { .. } => Refusal::mistake(
            message,
            "set a larger `objectQuotaMb` in atoll.jsonc: it counts from the next start of the server on",
        ),
        storage::Error::Import { .. } => Refusal {
            is_mistake: true,
            ..Refusal::failed(message)
        },
        _ => Refusal::failed(message),
    }
}

/// Why an object cannot go back, where it can for so many days.
fn refuse_back(error: storage::Error, days: u32) -> Refusal {
    if !matches!(error, storage::Error::OutOfRetention) {
        return refuse(error);
    }
    let kept = match days {
        0 => "no history is kept (`retentionDays` is 0)".to_owned(),
        1 => "history is kept for one day, and from the creation of the object on".to_owned(),
        days => {
            format!("history is kept for {days} days, and from the creation of the object on")
        }
    };
    Refusal::mistake(error, kept)
}

fn refuse_new(error: storage::Error, address: &Address) -> Refusal {
    match error {
        storage::Error::ObjectExists(_) => Refusal::mistake(
            format_args!(
                "there is an object {:?} of class {} already",
                address.name, address.class
            ),
            format_args!(
                "give it another name, or delete that one first: atoll objects delete {} {}",
                address.class,
                shell_word(&address.name)
            ),
        ),
        error => refuse(error),
    }
}

/// As one types it in a shell.
pub(crate) fn shell_word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.:/@".contains(letter);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}
