//! WebAssembly that means harm.

use protocol::{FailureKind, ModuleKind};

use crate::workers::*;

fn module(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A worker that runs this code with the exports of a module, and answers `fine` at `/fine`.
async fn trap(wat: &str, code: &str) -> host::Worker {
    App::new(&format!(
        "import module from './m.wasm'; const imports = {{ js: {{}} }}; \
         const make = () => new WebAssembly.Instance(module, imports).exports; \
         export default {{ async fetch(request) {{ if (request.url.endsWith('/fine')) return new Response('fine'); {code} }} }};"
    ))
    .module("m.wasm", ModuleKind::Wasm, module(wat))
    .limits(|limits| {
        limits.cpu_ms = 300;
        limits.memory_bytes = 64 << 20;
    })
    .deploy()
    .await
}

#[test]
fn wasm_loops_end_with_the_cpu_limit() {
    run(async {
        for (wat, code) in [
            ("(module (func (export \"f\") (loop br 0)))", "make().f();"),
            (
                "(module (func (export \"f\") (loop br 0)))",
                "for (;;) try { make().f(); } catch {}",
            ),
            ("(module (func $f (loop br 0)) (start $f))", "make();"),
            (
                "(module (memory 16) (func (export \"f\") (loop i32.const 0 i32.const 1 i32.const 1048576 memory.fill br 0)))",
                "make().f();",
            ),
            (
                "(module (import \"js\" \"f\" (func $f)) (func (export \"f\") (loop call $f br 0)))",
                "imports.js.f = () => {}; make().f();",
            ),
            (
                "(module (import \"js\" \"f\" (func $f)) (func (export \"f\") call $f) (func (export \"g\")))",
                "const e = (imports.js.f = () => { for (;;) e.g(); }, make()); e.f();",
            ),
        ] {
            let worker = trap(wat, code).await;
            let failure = failure(failed(&worker, "/").await);
            assert_eq!(failure.kind, FailureKind::Cpu, "{wat} {code}: {failure}");
            assert_eq!(text(&worker, "/fine").await, "fine", "after: {wat} {code}");
        }
    });
}

#[test]
fn wasm_memory_is_part_of_the_memory_limit() {
    run(async {
        let wat = "(module (memory (export \"memory\") 1) (func (export \"grow\") (param i32) (result i32) local.get 0 memory.grow))";
        let worker = trap(
            wat,
            "const e = make(); let pages = 0; while (e.grow(16) !== -1) pages += 16; \
             return Response.json(pages > 500 && pages < 1024);",
        )
        .await;
        assert_eq!(text(&worker, "/").await, "true");
        assert_eq!(text(&worker, "/fine").await, "fine");
        for code in [
            "return Response.json(new WebAssembly.Memory({ initial: 65536 }).buffer.byteLength);",
            "const all = []; for (;;) all.push(new WebAssembly.Memory({ initial: 64 }));",
            "const e = make(); while (e.grow(16) !== -1); const all = []; for (;;) all.push(make());",
        ] {
            let failure = failure(failed(&trap(wat, code).await, "/").await);
            assert!(failure.message.contains("memory"), "{code}: {failure}");
        }
    });
}

#[test]
fn wasm_tables_are_part_of_the_memory_limit() {
    run(async {
        let wat = "(module (table (export \"table\") 1 funcref) (func (export \"grow\") (param i32) (result i32) ref.null func local.get 0 table.grow))";
        let worker = trap(
            wat,
            "const e = make(); let entries = 0; while (e.grow(100000) !== -1) entries += 100000; \
             return Response.json(entries > 1e6 && entries < 8e6);",
        )
        .await;
        assert_eq!(text(&worker, "/").await, "true");
        assert_eq!(text(&worker, "/fine").await, "fine");
    });
}

#[test]
fn wasm_recursion_is_bounded() {
    run(async {
        for (wat, code) in [
            (
                "(module (func $f (export \"f\") (param i32) local.get 0 i32.const 1 i32.add call $f))",
                "make().f(0);",
            ),
            (
                "(module (import \"js\" \"f\" (func $f)) (func (export \"f\") call $f))",
                "const e = (imports.js.f = () => e.f(), make()); e.f();",
            ),
            (
                "(module (import \"js\" \"f\" (func $f)) (func (export \"f\") call $f))",
                "let last = () => {}; for (let n = 0; n < 5000; n++) { const inner = last; imports.js.f = () => inner(); last = make().f; } last();",
            ),
        ] {
            let code = format!(
                "try {{ {code} }} catch (error) {{ return new Response(error.name); }} return new Response('none');"
            );
            let worker = trap(wat, &code).await;
            let answer = match send(&worker, request("GET", "/", host::Body::empty())).await {
                Ok(answer) => answer.text(),
                Err(error) => failure(error).message,
            };
            assert!(
                answer == "RangeError" || answer.contains("exceeded"),
                "{wat}: {answer}"
            );
            assert_eq!(text(&worker, "/fine").await, "fine", "after: {wat}");
        }
    });
}

#[test]
fn wasm_that_takes_long_to_compile_fails_its_program_alone() {
    run(async {
        // A function of many megabytes, and a module of very many functions.
        let long = format!(
            "(module (func (export \"f\") (result i32) i32.const 0 {}))",
            "i32.const 1 i32.add ".repeat(300_000)
        );
        let many = format!("(module {})", "(func)".repeat(200_000));
        for wat in [long, many] {
            let app = App::new("import module from './m.wasm'; export default { fetch() { new WebAssembly.Instance(module).exports.f?.(); return new Response('done'); } };")
                .module("m.wasm", ModuleKind::Wasm, module(&wat))
                .limits(|limits| limits.memory_bytes = 32 << 20);
            let failure = match app.try_deploy().await {
                Ok(worker) => match send(&worker, request("GET", "/", host::Body::empty())).await {
                    Ok(_) => continue,
                    Err(error) => failure(error),
                },
                Err(host::DeployError::Program(refused)) => refused,
                Err(error) => panic!("{error:?}"),
            };
            let message = &failure.message;
            assert!(
                message.contains("memory") || message.contains("exceeded"),
                "{failure}"
            );
        }
    });
}
