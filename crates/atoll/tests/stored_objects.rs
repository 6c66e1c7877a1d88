//! `atoll objects`: what a person can do to stored objects, beside a server and without one.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod services;
mod support;

use std::time::SystemTime;

use serde_json::Value;
use support::{Project, Server};

const CONFIGURATION: &str = r#"{ "name": "chat", "main": "index.js", "compatibility_date": "2026-06-11",
    "durable_objects": { "bindings": [{ "name": "ROOM", "class_name": "Room" }] },
    "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Room"] }] }"#;

/// `/NAME/TEXT` adds a line and tells all lines; `/NAME` only tells them, after how many events this instance has had.
/// `?eu` and `?us` mean the object of that name in a jurisdiction.
const WORKER: &str = r#"
import { DurableObject } from "cloudflare:workers";
export class Room extends DurableObject {
  events = 0;
  fetch(request) {
    const { sql, kv } = this.ctx.storage;
    if (request.url.endsWith("?nothing")) return new Response();
    const text = new URL(request.url).pathname.split("/")[2];
    sql.exec("CREATE TABLE IF NOT EXISTS lines (id INTEGER PRIMARY KEY, text TEXT, bytes BLOB)");
    if (text) {
      sql.exec("INSERT INTO lines (text, bytes) VALUES (?, ?)", text, new Uint8Array([0, 255]));
      kv.put("last", { text });
    }
    if (text === "later") this.ctx.storage.setAlarm(Date.now() + 3_600_000);
    return new Response(`${++this.events}: ${[...sql.exec("SELECT text FROM lines")].map((line) => line.text)}`);
  }
  alarm() {}
}
export default { fetch(request, env) {
  const { pathname, search } = new URL(request.url);
  const rooms = ["?eu", "?us"].includes(search) ? env.ROOM.jurisdiction(search.slice(1)) : env.ROOM;
  return rooms.getByName(pathname.split("/")[1]).fetch(request);
} };
"#;

const MADE: &str = r#"{ "tag": "v1", "new_sqlite_classes": ["Room"] }"#;
const RENAMED: &str = r#"{ "tag": "v2", "renamed_classes": [{ "from": "Room", "to": "Hall" }] }"#;

fn project() -> Project {
    Project::new(&[("wrangler.json", CONFIGURATION), ("index.js", WORKER)])
}

fn serve(project: &Project) -> Server {
    project.start(&["serve"], "isolates are held by")
}

/// Runs `atoll objects`, which has to succeed, and gives what it wrote.
fn objects(project: &Project, arguments: &[&str]) -> (String, String) {
    let all: Vec<&str> = ["objects"].iter().chain(arguments).copied().collect();
    let (code, stdout, stderr) = project.run(&all);
    assert_eq!(code, 0, "{arguments:?}: {stderr}");
    (stdout, stderr)
}

/// Runs `atoll objects`, which has to say that this cannot be, and gives what it wrote.
fn refused(project: &Project, arguments: &[&str]) -> String {
    let all: Vec<&str> = ["objects"].iter().chain(arguments).copied().collect();
    let (code, stdout, stderr) = project.run(&all);
    assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
    stderr
}

fn json(project: &Project, arguments: &[&str]) -> Value {
    let (stdout, _) = objects(project, &[arguments, &["--json"]].concat());
    serde_json::from_str(&stdout).unwrap()
}

fn get(server: &Server, path: &str) -> String {
    let (status, body) = server.get(path);
    assert_eq!(status, 200, "{body}");
    body
}

fn now_ms() -> u128 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap().as_millis()
}

/// A time in milliseconds after what has happened and before what will.
fn moment() -> String {
    let start = now_ms();
    let mut now = start;
    while now < start + 2 {
        std::thread::yield_now();
        now = now_ms();
    }
    let before = chrono::DateTime::from_timestamp_millis(i64::try_from(start + 1).unwrap());
    before
        .unwrap()
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[test]
fn objects_are_looked_into_beside_a_server_and_without_one() {
    let project = project();
    let error = refused(&project, &["list"]);
    assert!(
        error.starts_with("error: no objects are stored in FOLDER"),
        "{error}"
    );
    let server = serve(&project);
    assert_eq!(get(&server, "/lobby/hello"), "1: hello");
    assert_eq!(get(&server, "/lobby/later"), "2: hello,later");
    assert_eq!(get(&server, "/kitchen/one"), "1: one");
    let look = |state: &str| {
        let listed = json(&project, &["list"]);
        let names: Vec<&Value> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|o| &o["name"])
            .collect();
        assert_eq!(names, ["kitchen", "lobby"]);
        assert_eq!(listed[1]["awake"], state == "awake");
        assert!(listed[1]["alarm_ms"].as_f64().unwrap() > now_ms() as f64);
        let (table, _) = objects(&project, &["list", "Room"]);
        let rows: Vec<Vec<&str>> = table
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            rows[0],
            [
                "CLASS", "NAME", "OR", "ID", "SIZE", "ALARM", "CHANGED", "STATE"
            ]
        );
        assert_eq!(rows[2][..6], ["Room", "lobby", "12", "kB", "in", "59m"]);
        assert_eq!(rows[2].last(), Some(&state));

        let shown = json(&project, &["show", "chat:Room", "lobby"]);
        assert_eq!(
            shown["tables"],
            serde_json::json!([{ "name": "lines", "rows": 2 }])
        );
        assert_eq!(shown["keys"], 1);
        assert_eq!(
            shown["first_keys"][0],
            serde_json::json!(["last", "{ text: 'later' }"])
        );
        let id = shown["id"].as_str().unwrap();
        let (text, _) = objects(&project, &["show", "Room", id]);
        assert!(text.starts_with("Room lobby\nworker    chat\n"), "{text}");

        let query = "SELECT id, text, bytes, 1.5 AS half, NULL AS empty FROM lines";
        let (text, _) = objects(&project, &["sql", "Room", "lobby", query]);
        assert_eq!(
            text,
            "id  text   bytes    half  empty\n 1  hello  x'00ff'   1.5  NULL\n 2  later  x'00ff'   1.5  NULL\n"
        );
        let result = json(&project, &["sql", "Room", "lobby", query, "--limit", "1"]);
        assert_eq!(
            result["rows"],
            serde_json::json!([[1, "hello", { "hex": "00ff" }, 1.5, null]])
        );
        assert_eq!(result["more"], true);
        for query in [
            "DELETE FROM lines",
            "CREATE TABLE more (x)",
            "DROP TABLE lines",
        ] {
            let error = refused(&project, &["sql", "Room", "lobby", query]);
            assert!(
                error.starts_with("error: `atoll objects sql` only reads"),
                "{error}"
            );
        }
        let error = refused(&project, &["sql", "Room", "lobby", "SELEC"]);
        assert!(error.contains("near \"SELEC\": syntax error"), "{error}");
        let error = refused(&project, &["show", "Room", "loby"]);
        assert_eq!(
            error,
            "error: there is no object \"loby\" of class Room\n  hint: did you mean lobby?\n"
        );
        let error = refused(&project, &["show", "Roon", "lobby"]);
        assert_eq!(
            error,
            "error: there is no class Roon here\n  hint: did you mean Room?\n"
        );
    };
    look("awake");
    assert_eq!(get(&server, "/lobby"), "3: hello,later");
    assert_eq!(server.stop().0, Some(0));
    look("asleep");
}

#[test]
fn objects_go_back_out_in_and_away() {
    let project = project();
    let server = serve(&project);
    assert_eq!(get(&server, "/lobby/a"), "1: a");
    let early = moment();
    assert_eq!(get(&server, "/lobby/b"), "2: a,b");
    objects(&project, &["export", "Room", "lobby"]);
    let error = refused(&project, &["export", "Room", "lobby"]);
    assert!(
        error.starts_with("error: there is a file lobby.sqlite already"),
        "{error}"
    );
    objects(
        &project,
        &[
            "export",
            "Room",
            "lobby",
            "-o",
            "early.sqlite",
            "--at",
            &early,
        ],
    );

    // An object that is awake begins anew, as it was; and forward again.
    let undo = json(&project, &["restore", "Room", "lobby", "--to", &early]);
    assert_eq!(get(&server, "/lobby"), "1: a");
    let undo = undo["undo"].as_str().unwrap();
    let (_, told) = objects(&project, &["restore", "Room", "lobby", "--to", undo]);
    assert!(told.starts_with("Room lobby is as it was"), "{told}");
    assert_eq!(get(&server, "/lobby"), "1: a,b");
    let error = refused(&project, &["restore", "Room", "lobby", "--to", "tomorrow"]);
    assert!(
        error.starts_with("error: \"tomorrow\" is no moment"),
        "{error}"
    );

    objects(&project, &["fork", "Room", "lobby", "copy", "--at", &early]);
    assert_eq!(get(&server, "/copy/c"), "1: a,c");
    assert_eq!(get(&server, "/lobby"), "2: a,b");
    let error = refused(&project, &["fork", "Room", "lobby", "copy"]);
    assert!(
        error.starts_with("error: there is an object \"copy\" of class Room already"),
        "{error}"
    );

    // An object that is awake and has stored nothing is in nobody's way.
    assert_eq!(server.get("/early/?nothing").0, 200);
    objects(&project, &["import", "Room", "early", "early.sqlite"]);
    assert_eq!(get(&server, "/early"), "1: a");
    project.write("text.sqlite", "no database");
    let error = refused(&project, &["import", "Room", "text", "text.sqlite"]);
    assert!(error.contains("it is not a SQLite database"), "{error}");

    let error = refused(&project, &["delete", "Room", "copy"]);
    assert!(
        error.starts_with("error: Room copy would be deleted for good"),
        "{error}"
    );
    objects(&project, &["delete", "Room", "copy", "--yes"]);
    assert_eq!(get(&server, "/copy"), "1: ");
    objects(&project, &["delete", "Room", "copy", "--yes"]);
    server.stop();

    // All of it without a server.
    objects(&project, &["restore", "Room", "lobby", "--to", &early]);
    objects(&project, &["import", "Room", "whole", "lobby.sqlite"]);
    objects(&project, &["fork", "Room", "whole", "again"]);
    objects(&project, &["delete", "Room", "early", "--yes"]);
    let listed = json(&project, &["list"]);
    let names: Vec<&Value> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|o| &o["name"])
        .collect();
    assert_eq!(names, ["again", "lobby", "whole"]);
    let server = serve(&project);
    assert_eq!(get(&server, "/lobby"), "1: a");
    assert_eq!(get(&server, "/again"), "1: a,b");
}

#[test]
fn a_socket_that_a_killed_server_left_is_in_nobodys_way() {
    let project = project();
    let server = serve(&project);
    assert_eq!(get(&server, "/lobby/a"), "1: a");
    drop(server);
    assert!(project.path().join(".atoll/state/control.sock").exists());
    assert_eq!(json(&project, &["list"])[0]["awake"], false);
    let server = serve(&project);
    assert_eq!(get(&server, "/lobby/b"), "1: a,b");
    assert_eq!(json(&project, &["list"])[0]["awake"], true);
}

/// The lines of a table, in words.
fn rows(table: &str) -> Vec<Vec<&str>> {
    let lines = table.lines();
    lines
        .map(|line| line.split_whitespace().collect())
        .collect()
}

#[test]
fn a_restore_that_cannot_be_leaves_the_object_alone() {
    let project = project();
    project.write("atoll.jsonc", r#"{ "retentionDays": 0 }"#);
    let server = serve(&project);
    assert_eq!(get(&server, "/kitchen/a"), "1: a");
    let other = json(&project, &["show", "Room", "kitchen"]);
    let other = other["bookmark"].as_str().unwrap();
    assert_eq!(get(&server, "/lobby/a"), "1: a");
    let early = moment();
    objects(&project, &["delete", "Room", "lobby", "--yes"]);
    assert_eq!(get(&server, "/lobby/b"), "1: b");
    let look = || {
        let error = refused(&project, &["restore", "Room", "lobby", "--to", other]);
        assert_eq!(
            error,
            "error: the bookmark belongs to another object\n  hint: `atoll objects show` tells an object's bookmark\n"
        );
        // What was there before the object is no part of its history.
        let error = refused(&project, &["restore", "Room", "lobby", "--to", &early]);
        assert_eq!(
            error,
            "error: the history of the object does not reach back that far\n  hint: no history is kept (`retentionDays` is 0)\n"
        );
    };
    look();
    // The same instance.
    assert_eq!(get(&server, "/lobby"), "2: b");
    server.stop();
    look();
}

#[test]
fn names_that_look_like_ids_are_names() {
    let project = project();
    let server = serve(&project);
    let (sum, copy) = ("5d".repeat(32), "A0".repeat(32));
    assert_eq!(get(&server, &format!("/{sum}/a")), "1: a");
    objects(&project, &["export", "Room", &sum, "-o", "sum.sqlite"]);
    objects(&project, &["fork", "Room", &sum, &copy]);
    objects(&project, &["delete", "Room", &sum, "--yes"]);
    objects(&project, &["import", "Room", &sum, "sum.sqlite"]);
    assert_eq!(get(&server, &format!("/{sum}")), "1: a");
    assert_eq!(get(&server, &format!("/{copy}")), "1: a");
    // An id of the class is one, and is shown to its end where there is no name.
    let id = json(&project, &["show", "Room", &sum])["id"].clone();
    let id = id.as_str().unwrap();
    objects(&project, &["delete", "Room", id, "--yes"]);
    let (_, told) = objects(&project, &["import", "Room", id, "sum.sqlite"]);
    assert!(
        told.starts_with(&format!("Room {id} is here now")),
        "{told}"
    );
    let (table, _) = objects(&project, &["list"]);
    let shown: Vec<&str> = rows(&table).iter().map(|row| row[1]).collect();
    assert_eq!(shown, ["NAME", &copy, id]);
    let (text, _) = objects(&project, &["show", "Room", id]);
    assert!(text.starts_with(&format!("Room {id}\n")), "{text}");
}

#[test]
fn objects_of_jurisdictions_are_listed_as_one_can_name_them() {
    let project = project();
    let server = serve(&project);
    for path in ["/lobby/here", "/lobby/europe?eu", "/lobby/america?us"] {
        get(&server, path);
    }
    let query = "SELECT text FROM lines";
    let (table, _) = objects(&project, &["list"]);
    let rows = rows(&table);
    assert_eq!(rows[0].last(), Some(&"JURISDICTION"));
    assert_eq!(rows.len(), 4);
    for (row, text, jurisdiction) in [
        (&rows[1], "here", None),
        (&rows[2], "europe", Some("eu:")),
        (&rows[3], "america", Some("us:")),
    ] {
        assert_eq!(row[1] == "lobby", jurisdiction.is_none());
        let ending = [jurisdiction.unwrap_or_default(), "lobby"];
        assert_eq!(row.ends_with(&ending), jurisdiction.is_some(), "{row:?}");
        let (found, _) = objects(&project, &["sql", "Room", row[1], query]);
        assert_eq!(found, format!("text\n{text}\n"));
    }
    let shown = json(&project, &["show", "Room", rows[2][1]]);
    assert_eq!(
        (&shown["name"], &shown["jurisdiction"]),
        (&"lobby".into(), &"eu".into())
    );
    // A name that two have means neither.
    objects(&project, &["delete", "Room", "lobby", "--yes"]);
    let error = refused(&project, &["delete", "Room", "lobby", "--yes"]);
    assert!(
        error.starts_with("error: objects of several jurisdictions are called \"lobby\""),
        "{error}"
    );
    objects(&project, &["delete", "Room", rows[3][1], "--yes"]);
    let (found, _) = objects(&project, &["sql", "Room", "lobby", query]);
    assert_eq!(found, "text\neurope\n");
}

#[test]
fn an_export_goes_to_standard_output_as_well() {
    let project = project();
    let server = serve(&project);
    assert_eq!(get(&server, "/lobby/a"), "1: a");
    let look = || {
        let export = ["objects", "export", "Room", "lobby", "-o"];
        let mut command = project.command(&[&export[..], &["-"]].concat());
        let output = command.output().unwrap();
        assert!(output.status.success());
        let (_, stderr) = objects(
            &project,
            &[&export[1..], &["lobby.sqlite", "--force"]].concat(),
        );
        assert!(stderr.contains("is in lobby.sqlite"), "{stderr}");
        let file = std::fs::read(project.path().join("lobby.sqlite")).unwrap();
        assert!(output.stdout == file && file.starts_with(b"SQLite format 3\0"));
        let error = refused(&project, &[&export[1..], &["-", "--json"]].concat());
        assert!(
            error.contains("cannot have both the object and JSON"),
            "{error}"
        );
        assert!(!project.path().join("-").exists());
        let mut state = std::fs::read_dir(project.path().join(".atoll/state")).unwrap();
        assert!(!state.any(|entry| {
            let name = entry.unwrap().file_name();
            name.to_string_lossy().starts_with("export-")
        }));
    };
    look();
    server.stop();
    look();

    // A part of it, cut where a page ends.
    let whole = std::fs::read(project.path().join("lobby.sqlite")).unwrap();
    std::fs::write(project.path().join("cut.sqlite"), &whole[..4096]).unwrap();
    let error = refused(&project, &["import", "Room", "cut", "cut.sqlite"]);
    assert!(error.contains("it has 1 of the 3 pages"), "{error}");
    assert_eq!(json(&project, &["list"]).as_array().unwrap().len(), 1);
}

/// A configuration of a worker that has this class, after these migrations.
fn with_class(worker: &str, class: &str, migrations: &str) -> String {
    format!(
        r#"{{ "name": "{worker}", "main": "index.js", "compatibility_date": "2026-06-11",
        "durable_objects": {{ "bindings": [{{ "name": "ROOM", "class_name": "{class}" }}] }},
        "migrations": [{migrations}] }}"#
    )
}

#[test]
fn classes_take_their_objects_along_to_another_name_and_another_worker() {
    const TRANSFERRED: &str = r#"{ "tag": "v1", "transferred_classes": [{ "from": "Hall", "from_script": "chat", "to": "Salon" }] }"#;
    const DELETED: &str = r#"{ "tag": "v2", "deleted_classes": ["Salon"] }, { "tag": "v3", "new_sqlite_classes": ["Salon"] }"#;
    let project = Project::new(&[]);
    let serve = |worker: &str, class: &str, migrations: &str| {
        let configuration = with_class(worker, class, migrations);
        project.write(&format!("{worker}/wrangler.json"), &configuration);
        let code = WORKER.replace("class Room", &format!("class {class}"));
        project.write(&format!("{worker}/index.js"), &code);
        let named = format!("{worker}/wrangler.json");
        let arguments = ["serve", "-c", &named, "--persist-to", "state"];
        project.start(&arguments, "isolates are held by")
    };
    let server = serve("chat", "Room", MADE);
    assert_eq!(get(&server, "/lobby/a"), "1: a");
    server.stop();
    let server = serve("chat", "Hall", &format!("{MADE}, {RENAMED}"));
    assert_eq!(get(&server, "/lobby/b"), "1: a,b");
    server.stop();
    let server = serve("club", "Salon", TRANSFERRED);
    assert_eq!(get(&server, "/lobby/c"), "1: a,b,c");
    server.stop();
    let listed = json(&project, &["list", "--persist-to", "state"]);
    assert_eq!(
        (&listed[0]["class"], &listed[0]["name"]),
        (&"Salon".into(), &"lobby".into()),
        "{listed}"
    );
    let server = serve("club", "Salon", &format!("{TRANSFERRED}, {DELETED}"));
    assert_eq!(get(&server, "/lobby"), "1: ");
}

#[test]
fn a_class_that_was_named_too_early_is_in_nobodys_way() {
    let project = project();
    let server = serve(&project);
    assert_eq!(get(&server, "/lobby/a"), "1: a");
    server.stop();
    // The new name, before its migration and its code.
    project.write("wrangler.json", &with_class("chat", "Hall", MADE));
    let (code, _, told) = project.run(&["serve", "--port", "0"]);
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("exports no class `Hall`"), "{told}");
    let renamed = with_class("chat", "Hall", &format!("{MADE}, {RENAMED}"));
    project.write("wrangler.json", &renamed);
    project.write("index.js", &WORKER.replace("class Room", "class Hall"));
    let server = serve(&project);
    assert_eq!(get(&server, "/lobby/b"), "1: a,b");
}

#[test]
fn a_worker_that_is_bound_to_a_class_of_another_follows_its_new_name() {
    let project = Project::new(&[]);
    let serve = |class: &str, bound: &str, migrations: &str| {
        let owner = format!(
            r#"{{ "name": "chat", "main": "index.js", "compatibility_date": "2026-06-11",
            "services": [{{ "binding": "GUEST", "service": "guest" }}], "migrations": [{migrations}] }}"#
        );
        let guest = format!(
            r#"{{ "name": "guest", "main": "index.js", "compatibility_date": "2026-06-11",
            "durable_objects": {{ "bindings": [{{ "name": "ROOM", "class_name": "{bound}", "script_name": "chat" }}] }} }}"#
        );
        let (classes, handler) = WORKER.split_once("export default").unwrap();
        let classes = classes.replace("class Room", &format!("class {class}"));
        project.write("chat/wrangler.json", &owner);
        project.write(
            "chat/index.js",
            &format!(
                "{classes}export default {{ fetch: (request, env) => env.GUEST.fetch(request) }};"
            ),
        );
        project.write("guest/wrangler.json", &guest);
        project.write("guest/index.js", &format!("export default{handler}"));
        // The guest starts first.
        let arguments = [
            "serve",
            "-c",
            "chat",
            "-c",
            "guest",
            "--persist-to",
            "state",
        ];
        project.start(&arguments, "isolates are held by")
    };
    let server = serve("Room", "Room", MADE);
    assert_eq!(get(&server, "/lobby/a"), "1: a");
    server.stop();
    serve("Room", "Hall", MADE).stop();
    let server = serve("Hall", "Hall", &format!("{MADE}, {RENAMED}"));
    assert_eq!(get(&server, "/lobby/b"), "1: a,b");
}

#[test]
fn settings_say_how_much_objects_keep_and_for_how_long() {
    const HOARDER: &str = r#"
import { DurableObject } from "cloudflare:workers";
export class Room extends DurableObject {
  fill(count) {
    const { sql } = this.ctx.storage;
    sql.exec("CREATE TABLE IF NOT EXISTS t (x)");
    while (count-- > 0) sql.exec("INSERT INTO t VALUES (zeroblob(100000))");
    return sql.exec("SELECT count(*) AS count FROM t").one().count;
  }
}
export default {
  fetch: (request, env) => env.ROOM.getByName("one").fill(Number(new URL(request.url).pathname.slice(1)))
    .then((count) => new Response(count), ({ message }) => new Response(message)),
};
"#;
    let project = Project::new(&[
        ("wrangler.json", CONFIGURATION),
        ("index.js", HOARDER),
        (
            "atoll.jsonc",
            r#"{ "objectQuotaMb": 1, "retentionDays": 1 }"#,
        ),
    ]);
    let server = serve(&project);
    assert_eq!(get(&server, "/9"), "9");
    assert_eq!(get(&server, "/2"), "database or disk is full: SQLITE_FULL");
    assert_eq!(get(&server, "/0"), "9");
    // And to what comes from outside, also while no server runs.
    objects(&project, &["export", "Room", "one"]);
    let mut large = std::fs::read(project.path().join("one.sqlite")).unwrap();
    large.resize(2 << 20, 0);
    std::fs::write(project.path().join("large.sqlite"), large).unwrap();
    server.stop();
    let error = refused(&project, &["import", "Room", "two", "large.sqlite"]);
    assert_eq!(
        error,
        "error: an object may hold 1048576 bytes, and this one would hold 2097152\n  \
         hint: set a larger `objectQuotaMb` in atoll.jsonc: it counts from the next start of the server on\n"
    );
    objects(&project, &["import", "Room", "two", "one.sqlite"]);
}
