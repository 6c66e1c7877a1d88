//! What can be reached from the values that a worker is given.

use protocol::ModuleKind;

use crate::workers::*;

/// The walk learns what is ECMAScript's own at the top level, before any code of the worker has run.
fn walker(body: &str) -> App {
    App::new(&format!(
        "import {{ learnStandard, natives, walk }} from './walk.js'; learnStandard(); \
         export default {{ async fetch(request, env, ctx) {{ {body} }} }}"
    ))
    .module("walk.js", ModuleKind::EsModule, include_str!("walk.js"))
}

#[test]
fn stack_traces_show_no_functions() {
    run(async {
        let worker = walker(
            "const roots = {}; let sites = 0; Error.prepareStackTrace = (error, list) => { for (const site of list) { sites += 1; \
             for (const name of ['getFunction', 'getThis', 'getEvalOrigin', 'getTypeName']) { try { roots[`${sites} ${name}`] = site[name]?.(); } catch {} } } return ''; }; \
             const error = () => new Error('x').stack; error(); const inside = []; \
             for (const work of [() => new URL('bad'), () => atob('#'), () => new TextDecoder('none'), () => structuredClone(() => {}), () => new Headers([['', '']]), \
             () => crypto.getRandomValues(new Float32Array(1)), () => [3, 1].sort(() => { error(); return 0; }), () => JSON.parse('x'), \
             () => new EventTarget().dispatchEvent(1), () => new Response('x', { status: 1 }), () => error()]) try { work(); } catch (caught) { inside.push(caught.stack); } \
             queueMicrotask(error); setTimeout(error, 0); const target = new EventTarget(); target.addEventListener('x', error); target.dispatchEvent(new Event('x')); \
             try { await crypto.subtle.importKey('raw', new Uint8Array(1), 'none', true, []); } catch (caught) { inside.push(caught.stack); } \
             await scheduler.wait(1); const own = Object.entries(roots).filter(([, value]) => typeof value === 'function').map(([, value]) => value.name); \
             return Response.json([own, natives(roots)]);",
        )
        .deploy()
        .await;
        assert_eq!(text(&worker, "/").await, "[[],[]]");
    });
}

#[test]
fn callers_cannot_be_seen() {
    run(async {
        let worker = App::new(
            "import sloppy from './sloppy.cjs'; export default { fetch: (request) => Response.json(sloppy(request)) }",
        )
        .module(
            "sloppy.cjs",
            ModuleKind::CommonJs,
            "module.exports = function (request) { const seen = []; function look() { \
             for (const read of [() => look.caller, () => arguments.callee.caller, () => module.exports.caller, () => module.exports.arguments]) \
             try { seen.push(typeof read()); } catch (error) { seen.push(error.name); } } look(); return seen.filter((kind) => kind !== 'undefined' && kind !== 'TypeError' && kind !== 'object'); };",
        )
        .deploy()
        .await;
        assert_eq!(text(&worker, "/").await, "[]");
    });
}

#[test]
fn files_processes_and_sockets_of_node_do_nothing() {
    run(async {
        let worker = App::fetch(
            "const fs = await import('node:fs'); const net = await import('node:net'); const child = await import('node:child_process'); \
             const process = (await import('node:process')).default; const seen = []; \
             for (const work of [() => fs.readFileSync('/etc/passwd', 'utf8'), () => fs.readdirSync('/'), () => fs.writeFileSync('/tmp/atoll-attack', 'x'), \
             () => net.connect(22, '127.0.0.1'), () => net.createServer(), () => child.execSync('id'), () => child.spawn('id'), () => process.kill(process.pid), \
             () => process.binding('fs'), () => process.dlopen({}, 'x')]) try { await work(); seen.push(String(work)); } catch {} \
             return Response.json([seen, Object.keys(process.env)]);",
        )
        .deploy()
        .await;
        assert_eq!(text(&worker, "/").await, "[[],[]]");
        assert!(!std::path::Path::new("/tmp/atoll-attack").exists());
    });
}
