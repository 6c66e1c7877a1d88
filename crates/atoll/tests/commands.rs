//! What each command does when all is well.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use support::{Project, Server};

#[test]
fn a_new_project_runs_at_once() {
    let folder = Project::new(&[]);
    let (code, stdout, stderr) = folder.run(&["new", "my_worker"]);
    assert_eq!((code, stdout.as_str()), (0, ""));
    assert_eq!(
        stderr,
        "my_worker is ready. Go on with:\n\n  cd my_worker\n  atoll dev\n\n"
    );
    let (code, stdout, stderr) = folder.run(&["test", "-c", "my_worker/wrangler.jsonc"]);
    assert_eq!(
        (code, stdout.as_str(), stderr.as_str()),
        (0, "✓ my-worker › greeting TIME\n1 passed, 0 failed\n", "")
    );
}

#[test]
fn tests_that_throw_fail_and_say_where() {
    let project = Project::of(
        "export const good = { async test() {} };\n\
         export const bad = {\n  test() {\n    throw new RangeError(\"too far\");\n  },\n};\n",
    );
    let (code, stdout, stderr) = project.run(&["test"]);
    assert_eq!(code, 1);
    assert_eq!(
        stdout,
        "✗ w › bad TIME\n✓ w › good TIME\n1 passed, 1 failed\n"
    );
    assert!(
        stderr.starts_with("error: Uncaught RangeError: too far\n  index.js:4:"),
        "{stderr}"
    );
}

#[test]
fn a_project_without_tests_is_told_how_to_write_one() {
    let (code, stdout, stderr) = Project::of("export default { fetch() {} }").run(&["test"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(
        stderr.starts_with("error: no test() handler is exported\n  hint: export const"),
        "{stderr}"
    );
}

#[test]
fn dev_reloads_and_explains_errors_until_they_are_mended() {
    let worker = |answer: &str| {
        format!("export default {{ fetch() {{ return new Response(\"{answer}\") }} }};\n")
    };
    let project = Project::of(&worker("one"));
    let mut server = project.start(&["dev"], "ready in");
    assert_eq!(server.get("/"), (200, "one".to_owned()));

    project.write("index.js", &worker("two"));
    server.wait_for("rebuilt in");
    assert_eq!(server.get("/"), (200, "two".to_owned()));

    project.write("index.js", "export default {;\n");
    server.wait_for("waiting for a change");
    let (status, page) = server.get("/");
    assert_eq!(status, 500);
    assert!(page.starts_with("Build failed: "), "{page}");
    assert!(page.contains("> "), "{page}");

    project.write(
        "index.js",
        "export default {\n  fetch() { throw new Error(\"inside\") },\n  scheduled(c) { console.log(\"ran\", c.cron) },\n};\n",
    );
    server.wait_for("rebuilt in");
    let (status, page) = server.get("/");
    assert_eq!(status, 500);
    assert!(
        page.starts_with("Uncaught Error: inside\n\n  index.js:2:"),
        "{page}"
    );
    assert_eq!(
        server.get("/cdn-cgi/handler/scheduled?cron=*+*+*+*+*").0,
        200
    );
    server.wait_for("ran * * * * *");
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn a_script_or_a_folder_of_assets_is_a_project_by_itself() {
    let code = |text: &str| {
        format!("export default {{ fetch: (_, env) => new Response(`{text} ${{env.WHO}}`) }};")
    };
    let project = Project::new(&[("index.js", &code("one")), ("public/page.txt", "a page")]);
    let mut server = project.start(&["dev", "index.js"], "ready in");
    assert_eq!(server.get("/").1, "one undefined");
    project.write("index.js", &code("two"));
    server.wait_for("rebuilt in");
    assert_eq!(server.get("/").1, "two undefined");
    // A configuration counts as soon as there is one.
    let configuration = r#"{ "main": "index.js", "vars": { "WHO": "you" } }"#;
    project.write("wrangler.jsonc", configuration);
    project.write("index.js", &code("three"));
    while server.get("/").1 != "three you" {
        server.wait_for("rebuilt in");
    }
    drop(server);
    std::fs::remove_file(project.path().join("wrangler.jsonc")).unwrap();
    let server = project.start(&["dev", "--assets", "public"], "ready in");
    assert_eq!(server.get("/page.txt").1, "a page");
    let (code, _, stderr) = project.run(&["dev", "missing.js"]);
    assert_eq!(code, 2);
    assert!(
        stderr.starts_with("error: there is no file missing.js\n"),
        "{stderr}"
    );
}

#[test]
fn dev_shows_each_edit_of_a_project_with_packages() {
    let package = |value: &str| {
        let numbers = 0..2000;
        let filler: String = numbers
            .map(|n| format!("kept.push(function filler{n}(a) {{ return a + {n}; }});\n"))
            .collect();
        format!(
            "const kept = [];\n{filler}export const value = {value:?};\nexport const size = () => kept.length;\n"
        )
    };
    let word = |text: &str| {
        format!(
            "export const word = {text:?};\nexport function fail(): never {{\n  throw new Error(word);\n}}\n"
        )
    };
    let main = "import { size, value } from 'large';\nimport { fail, word } from './word';\n\
        export default { fetch(request: Request) {\n  if (request.url.endsWith('/fail')) fail();\n  \
        return new Response(`${word} ${value} ${size()}`);\n} };\n";
    let project = Project::new(&[
        (
            "wrangler.json",
            r#"{ "name": "w", "main": "src/index.ts", "compatibility_date": "2026-06-11" }"#,
        ),
        ("package.json", "{}"),
        ("src/index.ts", main),
        ("src/word.ts", &word("one")),
        (
            "node_modules/large/package.json",
            r#"{ "name": "large", "version": "1.0.0", "module": "index.js" }"#,
        ),
        ("node_modules/large/index.js", &package("first")),
    ]);
    let mut server = project.start(&["dev"], "ready in");
    assert_eq!(server.get("/"), (200, "one first 2000".to_owned()));
    let mut edit = |file: &str, text: &str, answer: &str| {
        project.write(file, text);
        server.wait_for("rebuilt in");
        assert_eq!(server.get("/"), (200, answer.to_owned()));
        let (status, page) = server.get("/fail");
        assert_eq!(status, 500);
        let failure = format!(
            "Uncaught Error: {}\n\n  src/word.ts:",
            answer.split(' ').next().unwrap()
        );
        assert!(page.starts_with(&failure), "{page}");
    };
    edit("src/word.ts", &word("two"), "two first 2000");
    edit(
        "src/word.ts",
        &format!("\n\n{}", word("three")),
        "three first 2000",
    );
    // Nobody watches packages, but what they are counts whenever something else changes.
    project.write("node_modules/large/index.js", &package("second"));
    edit("src/word.ts", &word("four"), "four second 2000");
    edit("src/word.ts", &word("five"), "five second 2000");
    project.write("src/word.ts", "export const word = ;\n");
    server.wait_for("waiting for a change");
    assert_eq!(server.get("/").0, 500);
    project.write("src/word.ts", &word("six"));
    server.wait_for("rebuilt in");
    assert_eq!(server.get("/"), (200, "six second 2000".to_owned()));
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn dev_takes_what_wrangler_dev_takes() {
    let project = Project::new(&[
        (
            "wrangler.json",
            r#"{ "name": "w", "main": "index.js", "compatibility_date": "2026-06-11" }"#,
        ),
        ("index.js", "export default {};"),
        (
            "other.js",
            "import { last } from 'somewhere'; let count = 0; export default { \
             fetch(_, env) { return new Response(WHO + ++count + env.A + env.B + env.C + last) }, \
             scheduled() { count = 100 } };",
        ),
        ("end.js", "export const last = '!'"),
        (".dev.vars", "A=not this\nC=nor this"),
        ("one.env", "A=1\nB=1"),
        ("two.env", "B=2"),
        ("static/page.txt", "a page"),
    ]);
    let typed = "dev -l other.js --ip 127.0.0.1 --inspector-port 0 --inspector-ip 127.0.0.1 \
                 --test-scheduled --no-live-reload --show-interactive-dev-session=false \
                 --log-level log --name x --compatibility-date 2026-06-11 \
                 --compatibility-flags nodejs_compat --minify --define WHO:'it' --persist-to state \
                 --env-file one.env --env-file two.env --assets static --alias somewhere:./end.js \
                 --cwd .";
    let typed: Vec<&str> = typed.split_whitespace().collect();
    let server = project.start(&typed, "ready in");
    // One process, so what a module keeps is seen by all requests.
    for count in 1..=10 {
        assert_eq!(server.get("/"), (200, format!("it{count}12undefined!")));
    }
    assert_eq!(server.get("/page.txt"), (200, "a page".to_owned()));
    assert_eq!(server.get("/__scheduled").0, 200);
    assert_eq!(server.get("/").1, "it10112undefined!");
    assert_eq!(server.stop().0, Some(0));
    let refused = |arguments: &[&str]| {
        let (code, _, told) = project.run(&[&["dev"], arguments].concat());
        assert_eq!(code, 2, "{told}");
        told
    };
    let told = refused(&["--env-file", "tow.env"]);
    assert!(told.contains("there is no such file of secrets"), "{told}");
    assert!(told.contains("did you mean `two.env`?"), "{told}");
    let told = refused(&["--assets", "pages"]);
    assert!(told.contains("there is no folder pages"), "{told}");
    let told = refused(&["--cwd", "elsewhere"]);
    assert!(told.contains("cannot start in elsewhere"), "{told}");
}

#[test]
fn dev_shows_a_worker_the_origin_and_reads_its_code_as_wrangler_dev_does() {
    let project = Project::new(&[
        (
            "wrangler.json",
            r#"{ "name": "w", "main": "index.tsx", "compatibility_date": "2026-06-11", "minify": true,
                 "dev": { "host": "configured.example" }, "jsx_factory": "no.such" }"#,
        ),
        (
            "index.tsx",
            "import { word } from '@/word';\n\
             const h = (name: unknown, props: unknown, ...inner: unknown[]) => ({ name, props, inner });\n\
             const Group = 'group';\n\
             export default { fetch(request: Request) {\n\
               const url = new URL(request.url);\n\
               if (url.pathname === '/away') return new Response(null, { status: 302, headers: {\n\
                 location: url.origin + '/there', 'set-cookie': 'a=1; Domain=' + url.hostname } });\n\
               return Response.json({ url: request.url, host: request.headers.get('host'),\n\
                 origin: request.headers.get('origin'), jsx: <><b x={word}/></> });\n\
             } };",
        ),
        ("lib/word.ts", "export const word: string = 'w';"),
        (
            "tsconfig.other.json",
            r#"{ "compilerOptions": { "paths": { "@/*": ["./lib/*"] } } }"#,
        ),
    ]);
    let code =
        "dev --jsx-factory h --jsx-fragment Group --tsconfig tsconfig.other.json --no-minify";
    let start = |more: &str| {
        let typed = format!("{code} {more}");
        let typed: Vec<&str> = typed.split_whitespace().collect();
        project.start(&typed, "ready in")
    };
    let seen = |server: &Server, url: &str| {
        let headers = "Host: here.example:8787\r\nOrigin: http://here.example:8787\r\n";
        let (_, answer) = server.get_with("/a?b", headers);
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["url"], format!("{url}/a?b"));
        assert_eq!(answer["origin"], url);
        assert_eq!(answer["host"], url.split_once("://").unwrap().1);
        assert_eq!(
            answer["jsx"],
            serde_json::json!({ "name": "group", "props": null, "inner": [
                { "name": "b", "props": { "x": "w" }, "inner": [] }] })
        );
        let (head, _) = server.get_with("/away", headers);
        assert!(
            head.contains("\r\nlocation: http://here.example:8787/there\r\n"),
            "{head}"
        );
        assert!(
            head.contains("\r\nset-cookie: a=1; Domain=here.example\r\n"),
            "{head}"
        );
    };
    let server = start("");
    seen(&server, "http://configured.example");
    assert_eq!(server.stop().0, Some(0));
    let server =
        start("--host=typed.example:81 --local-upstream=other.example --upstream-protocol https");
    seen(&server, "https://typed.example:81");
    assert_eq!(server.stop().0, Some(0));
    let server = start("--local-upstream other.example");
    seen(&server, "http://other.example");
    assert_eq!(server.stop().0, Some(0));

    let refused = |arguments: &[&str]| {
        let (code, _, told) = project.run(&[&["dev"], arguments].concat());
        assert_eq!(code, 2, "{told}");
        told
    };
    let told = refused(&["--host", "https://a.example"]);
    assert!(told.contains("--upstream-protocol says https"), "{told}");
    let told = refused(&["--tsconfig", "tsconfig.none.json"]);
    assert!(
        told.contains("there is no file tsconfig.none.json"),
        "{told}"
    );
    let told = refused(&["--node-compat"]);
    assert!(
        told.contains("--compatibility-flags nodejs_compat"),
        "{told}"
    );
}

/// What `wrangler dev --help` and its source list beyond what has an effect here.
#[test]
fn dev_says_which_flags_of_wrangler_dev_do_nothing() {
    let project = Project::of("export default { fetch() { return new Response('here') } };");
    let quiet = "--local --latest --test-scheduled --no-live-reload --live-reload=false --no-types --no-tunnel \
                 --no-remote --remote=false --no-show-interactive-dev-session --show-interactive-dev-session=false \
                 --enable-containers=false --experimental-provision --no-x-auto-create --bundle --no-install-skills";
    let told = [
        ("--inspector-port 0", "--inspector-port does nothing"),
        ("--inspector-ip 127.0.0.1", "--inspector-ip does nothing"),
        (
            "--compatibility-date 2025-01-01",
            "--compatibility-date does nothing",
        ),
        ("--live-reload", "--live-reload does nothing"),
        (
            "--show-interactive-dev-session",
            "--show-interactive-dev-session does nothing",
        ),
        (
            "--route a.example/* --routes b.example/*",
            "--routes does nothing",
        ),
        (
            "--https-key-path key.pem --https-cert-path cert.pem",
            "--https-key-path and --https-cert-path do nothing",
        ),
        (
            "--site public --site-include a --site-exclude b",
            "--site, --site-include and --site-exclude do nothing",
        ),
        ("--types", "--types does nothing"),
        ("--tunnel --tunnel-name t", "--tunnel does nothing"),
        ("--enable-containers", "--enable-containers does nothing"),
        ("--install-skills", "--install-skills does nothing"),
        ("--profile work", "--profile does nothing"),
        (
            "--experimental-new-config",
            "--experimental-new-config does nothing",
        ),
    ];
    let all: Vec<&str> = told
        .iter()
        .flat_map(|(typed, _)| typed.split_whitespace())
        .collect();
    let server = project.start(&[&["dev"][..], &all[..]].concat(), "ready in");
    for (_, note) in told {
        let said = server.banner();
        assert!(said.contains(note), "no `{note}` in {said}");
    }
    assert_eq!(server.get("/"), (200, "here".to_owned()));
    assert_eq!(server.stop().0, Some(0));
    let quiet: Vec<&str> = quiet.split_whitespace().collect();
    let server = project.start(&[&["dev"][..], &quiet[..]].concat(), "ready in");
    assert!(!server.banner().contains("nothing"), "{}", server.banner());
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn serve_connects_workers_and_keeps_their_inside_to_itself() {
    let project = Project::new(&[
        (
            "a/wrangler.json",
            r#"{ "name": "a", "main": "index.js", "compatibility_date": "2026-06-11",
                 "services": [{ "binding": "B", "service": "b" }], "vars": { "X": "1" },
                 "assets": { "directory": "public" } }"#,
        ),
        (
            "a/index.js",
            "export default { fetch(request, env) {\n\
               if (request.url.endsWith('/boom')) throw new Error('secret');\n\
               return env.B.fetch('http://b/' + env.X) } }",
        ),
        ("a/public/page.html", "<p>file</p>"),
        (
            "b/wrangler.json",
            r#"{ "name": "b", "main": "index.js", "compatibility_date": "2026-06-11" }"#,
        ),
        (
            "b/index.js",
            "export default { fetch(request) { return new Response('b got ' + request.url) } }",
        ),
    ]);
    let mut server = project.start(
        &[
            "serve",
            "-c",
            "a/wrangler.json",
            "-c",
            "b/wrangler.json",
            "--var",
            "X:2",
            "--access-log",
            "json",
        ],
        "isolates are held by",
    );
    assert_eq!(server.get("/"), (200, "b got http://b/2".to_owned()));
    assert_eq!(server.get("/page"), (200, "<p>file</p>".to_owned()));
    let (status, body) = server.get("/boom");
    assert_eq!(status, 500);
    assert!(!body.contains("secret"), "{body}");
    server.wait_for("Uncaught Error: secret");
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    let statuses: Vec<_> = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["status"].clone())
        .collect();
    assert_eq!(statuses, [200, 200, 500]);
}
