//! Source that is meant to break what builds it.

use std::time::Duration;

use host::Building;

use super::workers::*;

/// A worker that builds what it makes in `make`, and answers with what became of it; `/fine` builds something small.
async fn building(building: Building, make: &str) -> host::Worker {
    let code = format!(
        "import {{ createWorker }} from '@cloudflare/worker-bundler'; \
         export default {{ async fetch(request) {{ \
           const isFine = request.url.endsWith('/fine'); \
           const files = isFine ? {{ 'index.js': 'export default 1;' }} : (() => {{ {make} }})(); \
           try {{ return new Response((await createWorker({{ files, minify: !isFine }})).mainModule); }} \
           catch (error) {{ return new Response(`${{error.name}}: ${{error.message}}`); }} }} }};"
    );
    let bundler = runtime().await.bundler(building);
    // Room for what an attack makes.
    let app = App::new(&code).limits(|limits| limits.memory_bytes = 1 << 30);
    app.bundler(bundler).deploy().await
}

/// Both answers: to the attack, and to a build after it.
async fn outcome(limits: Building, make: &str) -> (String, String) {
    let worker = building(limits, make).await;
    (text(&worker, "/").await, text(&worker, "/fine").await)
}

#[test]
fn source_that_crashes_its_build_hurts_nobody_else() {
    run(async {
        for make in [
            "return { 'index.js': 'export default ' + '('.repeat(2e6) + ')'.repeat(2e6) };",
            "return { 'index.ts': 'type A = ' + '[]'.repeat(10) + '<'.repeat(3e5) + ';' + '{'.repeat(3e5) };",
        ] {
            let (attack, after) = outcome(Building::default(), make).await;
            assert!(attack.starts_with("Error: "), "{attack}");
            assert_eq!(after, "bundle.js");
        }
        let make = "return { 'index.js': 'export default ' + '[ '.repeat(3e6) };";
        let (attack, _) = outcome(Building::default(), make).await;
        assert!(
            attack.starts_with("Error: The build ended without a result: its process "),
            "{attack}"
        );
    });
}

#[test]
fn builds_that_take_too_long_are_ended() {
    run(async {
        let limits = Building {
            time: Duration::from_millis(1),
            ..Building::default()
        };
        let make = "const lines = []; for (let n = 0; n < 4e4; n++) lines.push(`export function f${n}(a, b) { return a + b * ${n}; }`); return { 'index.ts': lines.join('\\n') };";
        let (attack, _) = outcome(limits, make).await;
        assert_eq!(
            attack,
            "Error: The build was ended: it took more than 1 ms."
        );
    });
}

#[test]
fn builds_that_need_too_much_memory_are_ended() {
    run(async {
        let limits = Building {
            memory_bytes: 48 << 20,
            ..Building::default()
        };
        let make = "return { 'index.js': 'export default [' + '{a:[1]},'.repeat(1e6) + ']' };";
        let (attack, after) = outcome(limits, make).await;
        assert!(attack.contains("memory"), "{attack}");
        assert_eq!(after, "bundle.js");
    });
}

#[test]
fn floods_of_files_are_refused() {
    run(async {
        let make = "const files = { 'index.js': '' }; for (let n = 0; n < 60000; n++) files[`f${n}.js`] = ''; return files;";
        let (attack, after) = outcome(Building::default(), make).await;
        assert_eq!(
            attack,
            "Error: The build has 60001 files, which is more than 50000."
        );
        assert_eq!(after, "bundle.js");
        let make = "const big = 'x'.repeat(9e6); return Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`f${n}.txt`, big]));";
        let (attack, after) = outcome(Building::default(), make).await;
        assert_eq!(
            attack,
            "Error: The files of a build may have 67108864 bytes together, no more."
        );
        assert_eq!(after, "bundle.js");
        let make = "return { 'index.js': '', ['a/'.repeat(70)]: '' };";
        let (attack, _) = outcome(Building::default(), make).await;
        assert!(
            attack.starts_with("Error: A file's path is too long"),
            "{attack}"
        );
    });
}

/// What is small and is not to be bundled is transformed in the isolate that asks, which has to live on.
#[test]
fn source_that_is_transformed_where_it_is_asked_for_ends_nobody() {
    run(async {
        let limits = Building {
            time: Duration::from_secs(2),
            memory_bytes: 64 << 20,
            ..Building::default()
        };
        let code = "import { createWorker } from '@cloudflare/worker-bundler'; \
             const SOURCES = { \
               nested: 'type A=' + '['.repeat(2490) + 'B' + ']'.repeat(2490), \
               lists: 'x=' + '['.repeat(2490) + ']'.repeat(2490), \
               deeper: 'x=' + '('.repeat(2e6), \
               arguments: 'f<(a='.repeat(60) + 'b', \
               patterns: 'x=' + 'a as ({a='.repeat(60) + 'b', \
               inferred: 'type A=B extends ' + 'infer A extends (B extends '.repeat(60) + 'C?D:E' + ')?F:G'.repeat(60), \
               doubled: 'enum A { a0 = \"aaaaaaaa\", ' + Array.from({ length: 60 }, (_, n) => `a${n + 1} = a${n} + a${n}`).join() + ' }' }; \
             const deep = (more, files) => more > 0 ? deep(more - 1, files) : createWorker({ files, bundle: false }); \
             export default { async fetch(request) { \
               const name = new URL(request.url).pathname.slice(1); \
               try { return new Response((await deep(1000, { 'index.ts': SOURCES[name] ?? '' })).mainModule); } \
               catch (error) { return new Response(`${error.name}: ${error.message}`); } } };";
        let bundler = runtime().await.bundler(limits);
        let worker = App::new(code).bundler(bundler).deploy().await;
        for (name, is_small) in [
            ("nested", true),
            ("lists", true),
            ("deeper", false),
            ("arguments", false),
            ("patterns", false),
            ("inferred", false),
            ("doubled", false),
        ] {
            let answer = text(&worker, &format!("/{name}")).await;
            let is_error = answer.starts_with("Error: ") && !is_small;
            assert!(answer == "index.js" || is_error, "{name}: {answer}");
        }
        assert_eq!(text(&worker, "/fine").await, "index.js");
    });
}

/// What the files do not hold is not there, whatever a path says.
#[test]
fn nothing_but_its_files_is_in_reach_of_a_build() {
    run(async {
        let make = "return { 'src/index.js': `import a from '/etc/passwd'; import b from '../../../../../../etc/passwd'; import c from '/proc/self/environ'; export * from 'file:///etc/passwd'; export default [a, b, c];` };";
        let code = format!(
            "import {{ createWorker }} from '@cloudflare/worker-bundler'; export default {{ async fetch() {{ \
             const built = await createWorker({{ files: (() => {{ {make} }})() }}); \
             return Response.json([built.warnings.length, /root:|PATH=/.test(JSON.stringify(built))]); }} }};"
        );
        let bundler = runtime().await.bundler(Building::default());
        let worker = App::new(&code).bundler(bundler).deploy().await;
        assert_eq!(text(&worker, "/").await, "[4,false]");
    });
}
