//! What a configuration says about Durable Objects.

use bundle::config::migrate::{Error, Known, Plan, Step};
use bundle::config::{
    Loaded, Migration, ObjectBinding, Options, RenamedClass, TransferredClass, load,
};

use crate::support::Folder;

const FULL: &str = r#"{
  "name": "chat", "main": "src/index.ts", "compatibility_date": "2026-01-02",
  "durable_objects": { "bindings": [
    { "name": "ROOM", "class_name": "Room" },
    { "name": "SELF", "class_name": "Room", "script_name": "chat" },
    { "name": "USER", "class_name": "User", "script_name": "accounts" },
  ] },
  "migrations": [
    { "tag": "v1", "new_sqlite_classes": ["Lobby", "Old"] },
    { "tag": "v2", "renamed_classes": [{ "from": "Lobby", "to": "Room" }], "deleted_classes": ["Old"] },
    { "tag": "v3", "transferred_classes": [{ "from": "Poll", "from_script": "polls", "to": "Vote" }] },
  ],
  "env": { "staging": { "durable_objects": { "bindings": [{ "name": "VOTE", "class_name": "Vote" }] } }, "bare": {} },
}"#;

fn loaded(config: &str, environment: Option<&str>) -> Loaded {
    let folder = Folder::new(&[("wrangler.jsonc", config), ("src/index.ts", "")]);
    let options = Options {
        environment: environment.map(str::to_owned),
        ..folder.options()
    };
    load(&options).unwrap_or_else(|error| panic!("{error}"))
}

fn binding(binding: &str, class: &str, script: Option<&str>) -> ObjectBinding {
    ObjectBinding {
        binding: binding.into(),
        class: class.into(),
        script: script.map(str::to_owned),
    }
}

#[test]
fn bindings_and_migrations_reach_the_project() {
    let Loaded { project, warnings } = loaded(FULL, None);
    assert_eq!(warnings, []);
    assert_eq!(
        project.objects,
        [
            binding("ROOM", "Room", None),
            binding("SELF", "Room", None),
            binding("USER", "User", Some("accounts")),
        ]
    );
    assert_eq!(
        project.migrations,
        [
            Migration {
                tag: "v1".into(),
                created: vec!["Lobby".into(), "Old".into()],
                ..Migration::default()
            },
            Migration {
                tag: "v2".into(),
                deleted: vec!["Old".into()],
                renamed: vec![RenamedClass {
                    from: "Lobby".into(),
                    to: "Room".into(),
                }],
                ..Migration::default()
            },
            Migration {
                tag: "v3".into(),
                transferred: vec![TransferredClass {
                    from_script: "polls".into(),
                    from: "Poll".into(),
                    to: "Vote".into(),
                }],
                ..Migration::default()
            },
        ]
    );
    assert_eq!(project.object_classes, ["Room", "Vote"]);
}

#[test]
fn environments_inherit_migrations_and_repeat_bindings() {
    let staging = loaded(FULL, Some("staging"));
    assert_eq!(staging.warnings, []);
    assert_eq!(staging.project.objects, [binding("VOTE", "Vote", None)]);
    assert_eq!(staging.project.migrations.len(), 3);
    let bare = loaded(FULL, Some("bare"));
    assert_eq!(bare.project.objects, []);
    assert_eq!(
        bare.warnings[0].message,
        "`durable_objects` is not inherited by environments"
    );
}

#[test]
fn classes_in_no_migration_are_made_and_told_of() {
    let config = r#"{ "main": "src/index.ts", "compatibility_date": "2026-01-02",
      "durable_objects": { "bindings": [{ "name": "A", "class_name": "Countr" }, { "name": "B", "class_name": "Room" }] },
      "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Counter"] }] }"#;
    let Loaded { project, warnings } = loaded(config, None);
    let shown: Vec<String> = warnings
        .iter()
        .map(|warning| {
            let hint = warning.hint.clone().unwrap_or_default();
            format!("{}; {hint}", warning.message)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "no migration creates the class `Countr`: it is made all the same; did you mean `Counter`?",
            "no migration creates the class `Room`: it is made all the same; \
             add { \"tag\": \"…\", \"new_sqlite_classes\": [\"Room\"] } to `migrations`",
        ]
    );
    assert_eq!(project.object_classes, ["Counter", "Countr", "Room"]);
}

#[test]
fn what_means_less_here_than_elsewhere_is_told() {
    let config = r#"{ "main": "src/index.ts", "compatibility_date": "2026-01-02",
      "durable_objects": { "bindings": [
        { "name": "USER", "class_name": "User", "script_name": "accounts", "environment": "staging" }] },
      "migrations": [{ "tag": "v1", "new_classes": ["Room"] }] }"#;
    let Loaded { project, warnings } = loaded(config, None);
    let shown: Vec<&str> = warnings.iter().map(|warning| &*warning.message).collect();
    assert_eq!(
        shown,
        [
            "`durable_objects.bindings[].environment` has no effect",
            "`new_classes` gives objects SQLite here, as `new_sqlite_classes` does",
        ]
    );
    assert_eq!(project.objects, [binding("USER", "User", Some("accounts"))]);
    assert_eq!(project.object_classes, ["Room"]);
}

#[test]
fn toml_says_the_same() {
    let config = "main = \"src/index.ts\"\ncompatibility_date = \"2026-01-02\"\n\
        [[durable_objects.bindings]]\nname = \"ROOM\"\nclass_name = \"Room\"\n\
        [[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Lobby\"]\n\
        [[migrations]]\ntag = \"v2\"\nrenamed_classes = [{ from = \"Lobby\", to = \"Room\" }]\n";
    let folder = Folder::new(&[("wrangler.toml", config), ("src/index.ts", "")]);
    let loaded = folder.load().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.project.objects, [binding("ROOM", "Room", None)]);
    assert_eq!(loaded.project.object_classes, ["Room"]);
}

/// One mistake: what stands in the configuration, and what is said of it, where, with which hint.
fn check(inside: &str, message: &str, at: (u32, u32), hint: &str) {
    let config = format!(
        "{{ \"main\": \"src/index.ts\", \"compatibility_date\": \"2026-01-02\",\n{inside}\n}}"
    );
    let errors = Folder::config_errors(&config);
    let error = &errors[0];
    assert!(error.message.contains(message), "{error}");
    assert_eq!(
        (error.line, error.column),
        (Some(at.0), Some(at.1)),
        "{error}"
    );
    let shown = error.hint.clone().unwrap_or_default();
    assert!(shown.contains(hint), "{error}");
}

#[test]
fn mistakes_of_bindings_are_shown_in_place() {
    for (bindings, message, column, hint) in [
        (r#"{"name":"A"}"#, "has no `class_name`", 1, ""),
        (r#"{"class_name":"A"}"#, "has no `name`", 1, ""),
        (r#"{"name":"A","class_name":5}"#, "must be a string", 26, ""),
        (r#"["A"]"#, "must be an object", 1, ""),
        (
            r#"{"name":"A","class_name":"A"},{"name":"A","class_name":"B"}"#,
            "two bindings are named `A`",
            39,
            "another name",
        ),
        (
            r#"{"name":"TAKEN","class_name":"A"}"#,
            "two bindings are named `TAKEN`",
            9,
            "",
        ),
    ] {
        let inside = format!(
            "\"vars\":{{\"TAKEN\":1}},\"durable_objects\":{{\"bindings\":[\n{bindings}\n]}}"
        );
        check(&inside, message, (3, column), hint);
    }
    check(
        "\"durable_objects\":[]",
        "`durable_objects` must be an object",
        (2, 19),
        "",
    );
}

#[test]
fn mistakes_of_migrations_are_shown_in_place() {
    for (migrations, message, column, hint) in [
        (r#"{"new_classes":["A"]}"#, "has no `tag`", 1, ""),
        (
            r#"{"tag":"v1","new_sqlite_class":["A"]}"#,
            "unknown key `migrations[].new_sqlite_class`",
            13,
            "new_sqlite_classes",
        ),
        (
            r#"{"tag":"v1"},{"tag":"v1"}"#,
            "two migrations have the tag \"v1\"",
            21,
            "unique",
        ),
        (
            r#"{"tag":"v1","new_classes":["A","A"]}"#,
            "the class `A` is there already",
            32,
            "one migration only",
        ),
        (
            r#"{"tag":"v1","new_classes":["Counter"]},{"tag":"v2","deleted_classes":["Countr"]}"#,
            "there is no class `Countr` at this migration",
            71,
            "did you mean `Counter`?",
        ),
        (
            r#"{"tag":"v1","new_classes":["A"]},{"tag":"v2","deleted_classes":["A"]},{"tag":"v3","renamed_classes":[{"from":"A","to":"B"}]}"#,
            "there is no class `A` at this migration",
            102,
            "it was deleted by \"v2\" before",
        ),
        (
            r#"{"tag":"v1","renamed_classes":["A"]}"#,
            "must be an object, not a string",
            32,
            "it has from, to",
        ),
        (
            r#"{"tag":"v1","transferred_classes":[{"from":"A","to":"B"}]}"#,
            "has no `from_script`",
            36,
            "",
        ),
        (
            r#"{"tag":"v1","new_classes":"A"}"#,
            "must be an array",
            27,
            "",
        ),
    ] {
        check(
            &format!("\"migrations\":[\n{migrations}\n]"),
            message,
            (3, column),
            hint,
        );
    }
}

#[test]
fn a_class_that_was_deleted_cannot_be_bound() {
    check(
        "\"migrations\":[{\"tag\":\"v1\",\"new_classes\":[\"A\",\"B\"]},{\"tag\":\"v2\",\"deleted_classes\":[\"A\"],\n\
         \"renamed_classes\":[{\"from\":\"B\",\"to\":\"C\"}]}],\"durable_objects\":{\"bindings\":[\n\
         {\"name\":\"X\",\"class_name\":\"B\"}]}",
        "`env.X` is bound to the class `B`, which was renamed to `C` by \"v2\"",
        (4, 26),
        "take the binding away",
    );
}

/// Plans for what is stored: the worker's classes, the tag of the last migration, and `worker/Class` of others. `?` is
/// behind those that have no object.
fn plan(config: &str, classes: &[&str], tag: &str, elsewhere: &[&str]) -> Result<Plan, Error> {
    let project = loaded(config, None).project;
    let name = |class: &str| class.trim_end_matches('?').to_owned();
    let mut known = Known {
        classes: classes.iter().map(|class| name(class)).collect(),
        tag: (!tag.is_empty()).then(|| tag.to_owned()),
        ..Known::default()
    };
    let own = classes.iter().map(|class| (&*project.name, *class));
    let others = elsewhere
        .iter()
        .map(|source| source.split_once('/').expect("worker/Class"));
    for (worker, class) in own.chain(others) {
        let stored = (worker.to_owned(), name(class));
        if class.ends_with('?') {
            known.empty.insert(stored.clone());
        }
        known.elsewhere.insert(stored);
    }
    project.plan_objects(&known)
}

/// The steps in short: `+` create, `-` delete, `>` rename or transfer.
fn steps(plan: &Plan) -> Vec<String> {
    let short = |step: &Step| match step {
        Step::Create { class } => format!("+{class}"),
        Step::Delete { class } => format!("-{class}"),
        Step::Rename { from, to } => format!("{from}>{to}"),
        Step::Transfer {
            from_script,
            from,
            to,
        } => format!("{from_script}/{from}>{to}"),
    };
    plan.steps.iter().map(short).collect()
}

#[test]
fn migrations_that_were_not_applied_yet_are_planned() {
    let polls: &[&str] = &["polls/Poll"];
    for (classes, tag, elsewhere, expected) in [
        // Nothing is stored: the whole history happens.
        (
            &[][..],
            "",
            polls,
            &["+Lobby", "+Old", "-Old", "Lobby>Room", "polls/Poll>Vote"][..],
        ),
        (
            &["Lobby", "Old"],
            "v1",
            polls,
            &["-Old", "Lobby>Room", "polls/Poll>Vote"],
        ),
        (&["Room"], "v2", polls, &["polls/Poll>Vote"]),
        (&["Room", "Vote"], "v3", &[], &[]),
        // A class that was made before a migration spoke of it.
        (
            &["Lobby"],
            "",
            polls,
            &["+Old", "-Old", "Lobby>Room", "polls/Poll>Vote"],
        ),
        // A class without objects gives way; and one that has none to rename or to bring is left where it is.
        (
            &["Lobby", "Room?", "Old"],
            "v1",
            polls,
            &["-Old", "Lobby>Room", "polls/Poll>Vote"],
        ),
        (&["Room", "Vote?"], "v2", polls, &["polls/Poll>Vote"]),
        (&["Lobby?", "Room"], "v1", polls, &["polls/Poll>Vote"]),
        (&["Room", "Vote"], "v2", &["polls/Poll?"], &[]),
        // What another configuration left stays.
        (&["Other", "Room", "Vote"], "v3", &[], &[]),
    ] {
        let plan = plan(FULL, classes, tag, elsewhere).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(steps(&plan), expected, "{classes:?} at {tag:?}");
        assert_eq!(plan.tag.as_deref(), Some("v3"));
        assert_eq!(plan.warnings, [] as [&str; 0]);
    }
}

#[test]
fn steps_that_were_done_before_an_interruption_are_not_planned_again() {
    let mut classes = vec!["Lobby", "Old"];
    let mut elsewhere = vec!["polls/Poll"];
    let next = |classes: &[&str], elsewhere: &[&str]| {
        let plan = plan(FULL, classes, "v1", elsewhere).expect("it can be done");
        steps(&plan)
    };
    assert_eq!(
        next(&classes, &elsewhere),
        ["-Old", "Lobby>Room", "polls/Poll>Vote"]
    );
    classes.pop();
    assert_eq!(
        next(&classes, &elsewhere),
        ["Lobby>Room", "polls/Poll>Vote"]
    );
    classes = vec!["Room"];
    assert_eq!(next(&classes, &elsewhere), ["polls/Poll>Vote"]);
    classes.push("Vote");
    elsewhere.clear();
    assert_eq!(next(&classes, &elsewhere), [] as [&str; 0]);
}

#[test]
fn bound_classes_without_a_migration_are_created() {
    let config = r#"{ "main": "src/index.ts", "compatibility_date": "2026-01-02", "durable_objects": { "bindings": [
        { "name": "A", "class_name": "A" }, { "name": "B", "class_name": "B", "script_name": "other" }] } }"#;
    let fresh = plan(config, &[], "", &[]).expect("it can be done");
    assert_eq!((steps(&fresh), fresh.tag), (vec!["+A".to_owned()], None));
    let again = plan(config, &["A"], "", &[]).expect("it can be done");
    assert_eq!(again, Plan::default());
}

#[test]
fn a_transfer_of_nothing_begins_without_objects() {
    let plan = plan(FULL, &["Room"], "v2", &["other/Poll"]).expect("it can be done");
    assert_eq!(steps(&plan), ["+Vote"]);
    assert_eq!(
        plan.warnings,
        ["no class `Poll` of a worker polls is stored, so `Vote` begins without objects"]
    );
}

#[test]
fn migrations_that_do_not_fit_what_is_stored_are_refused() {
    for (classes, tag, elsewhere, message, hint) in [
        (
            &["Room"][..],
            "v4",
            &[][..],
            "the stored objects are at migration \"v4\", which the configuration does not have",
            "--persist-to",
        ),
        (
            &["Old"],
            "v1",
            &[],
            "migration \"v2\" renames the class `Lobby` to `Room`, but no class `Lobby` is stored",
            "create the class in a new one",
        ),
        (
            &["Lobby", "Room"],
            "v1",
            &[],
            "migration \"v2\" gives the class `Lobby` the name `Room`, which another stored class has",
            "\"new_sqlite_classes\": [\"Room\"] }, { \"tag\": \"…\", \"deleted_classes\": [\"Room\"] }",
        ),
        (
            &["Room", "Vote"],
            "v2",
            &["polls/Poll"],
            "migration \"v3\" gives the class `Poll` of the worker polls the name `Vote`, which another stored class has",
            "choose another name",
        ),
    ] {
        let error = plan(FULL, classes, tag, elsewhere).expect_err("it does not fit");
        assert_eq!(error.to_string(), message);
        assert!(error.hint().contains(hint), "{}", error.hint());
    }
}

#[test]
fn a_class_that_is_in_the_way_is_given_up_as_the_hint_says() {
    let config = |before: &str| {
        format!(
            r#"{{ "main": "src/index.ts", "compatibility_date": "2026-01-02", "migrations": [
            {{ "tag": "v1", "new_sqlite_classes": ["Foo"] }}, {before}
            {{ "tag": "v2", "renamed_classes": [{{ "from": "Foo", "to": "Bar" }}] }}] }}"#
        )
    };
    let error = plan(&config(""), &["Foo", "Bar"], "v1", &[]).expect_err("it is in the way");
    let hint = error.hint();
    let (start, end) = (hint.find('{').expect("it"), hint.rfind('}').expect("it"));
    let told = hint[start..=end]
        .replacen('…', "a", 1)
        .replacen('…', "b", 1);
    let plan = plan(&config(&format!("{told},")), &["Foo", "Bar"], "v1", &[]);
    assert_eq!(steps(&plan.expect("it can be done")), ["-Bar", "Foo>Bar"]);
}
