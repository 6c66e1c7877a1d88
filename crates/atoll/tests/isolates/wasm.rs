//! WebAssembly: modules, what they share with JavaScript, and what they may not use up.

use protocol::{FailureKind, ModuleKind};

use crate::workers::*;

/// The module that a text is.
fn module(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A worker with a module, whose answer is what `code` gives, as JSON.
fn app(wat: &str, code: &str) -> App {
    App::new(&format!(
        "import module from './m.wasm'; \
         const told = (run) => {{ try {{ return run(); }} catch (error) {{ return `${{error.name}}: ${{error.message}}`; }} }}; \
         const plain = (key, value) => typeof value === 'bigint' ? `${{value}}n` : value === undefined ? 'undefined' : value; \
         export default {{ async fetch(request, env, ctx) {{ \
         const answer = await (async () => {{ {code} }})(); return new Response(JSON.stringify(answer, plain)); }} }};"
    ))
    .module("m.wasm", ModuleKind::Wasm, module(wat))
}

async fn gives(wat: &str, code: &str) -> String {
    text(&app(wat, code).deploy().await, "/").await
}

#[test]
fn values_of_every_type_go_both_ways() {
    run(async {
        let wat = r#"(module
            (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
            (func (export "long") (param i64) (result i64) local.get 0 i64.const 1 i64.add)
            (func (export "half") (param f64) (result f64) local.get 0 f64.const 2 f64.div)
            (func (export "single") (param f32) (result f32) local.get 0)
            (func (export "both") (param i32 i64) (result i64 i32) local.get 1 local.get 0)
            (func (export "same") (param externref) (result externref) local.get 0)
            (func (export "vector") (param i32) (result i32)
              local.get 0 i32x4.splat i32.const 2 i32x4.splat i32x4.mul i32x4.extract_lane 3)
            (func (export "none")))"#;
        let code = "const { exports: e } = new WebAssembly.Instance(module); const object = { a: 1 }; \
            return [e.add(2 ** 31 - 1, 1), e.add('3', 4.9), e.add(), e.long(2n ** 63n - 1n), told(() => e.long(1)), e.half(-0) === 0 && 1 / e.half(-0), \
            e.single(0.1), e.both(1, 2n), e.same(object) === object, e.same('text'), e.same(null), e.same(), e.vector(21), e.none(), \
            e.add.name, e.add.length, told(() => new e.add()) !== undefined, Object.keys(e).join()];";
        assert_eq!(
            gives(wat, code).await,
            r#"[-2147483648,7,0,"-9223372036854775808n","TypeError: cannot convert to bigint",null,0.10000000149011612,["2n",1],true,"text",null,"undefined",42,"undefined","0",2,true,"add,long,half,single,both,same,vector,none"]"#
        );
    });
}

#[test]
fn a_buffer_shows_the_memory_itself_until_it_grows() {
    run(async {
        let wat = r#"(module (memory (export "memory") 1 4)
            (data (i32.const 8) "hello")
            (func (export "set") (param i32 i32) local.get 0 local.get 1 i32.store8)
            (func (export "get") (param i32) (result i32) local.get 0 i32.load8_u)
            (func (export "grow") (param i32) (result i32) local.get 0 memory.grow))"#;
        let code = "const { memory, set, get, grow } = new WebAssembly.Instance(module).exports; \
            const first = new Uint8Array(memory.buffer); const hello = new TextDecoder().decode(first.subarray(8, 13)); \
            set(0, 7); first[1] = 9; const shared = [first[0], get(1), memory.buffer === first.buffer]; \
            const before = grow(1); const gone = [first.length, first.buffer.detached, memory.buffer.byteLength]; \
            const second = new Uint8Array(memory.buffer); const kept = [second[0], second[1], second[70000]]; second[70000] = 5; \
            const more = [memory.grow(1), get(70000), second.length, memory.buffer.byteLength]; \
            return [hello, shared, before, gone, kept, more, grow(9), told(() => memory.grow(9)), memory.buffer.byteLength];";
        assert_eq!(
            gives(wat, code).await,
            r#"["hello",[7,9,true],1,[0,true,131072],[7,9,0],[2,5,0,196608],-1,"RangeError: WebAssembly.Memory.grow(): Maximum memory size exceeded",196608]"#
        );
    });
}

#[test]
fn buffers_stay_sound_whatever_becomes_of_their_memory() {
    run(async {
        let wat = r#"(module (memory (export "memory") 1)
            (func (export "grow") (result i32) i32.const 1 memory.grow)
            (func (export "get") (param i32) (result i32) local.get 0 i32.load8_u))"#;
        // One buffer outlives its instance, another one is grown under a view, a third is asked to move.
        let code = "const alone = (() => new WebAssembly.Instance(module).exports.memory.buffer)(); \
            for (let round = 0; round < 50; round++) { const { memory } = new WebAssembly.Instance(module).exports; new Uint8Array(memory.buffer).fill(round); } \
            new Uint8Array(alone).fill(3); \
            const { memory, grow, get } = new WebAssembly.Instance(module).exports; const view = new Uint8Array(memory.buffer); \
            view[65535] = 1; const sum = Array.from({ length: 20 }, (_, at) => (at === 3 && grow(), view[65535])).join(); \
            const moved = told(() => { const other = memory.buffer.transfer(); return new Uint8Array(other)[65535]; }); \
            grow(); \
            return [new Uint8Array(alone)[65535], sum, typeof moved, memory.buffer.byteLength, get(65535)];";
        let answer = gives(wat, code).await;
        assert!(answer.starts_with("[3,\"1,1,1,,,"), "{answer}");
        assert!(answer.ends_with(",196608,1]"), "{answer}");
    });
}

#[test]
fn imported_functions_may_throw_and_call_back() {
    run(async {
        let wat = r#"(module
            (import "js" "call" (func $call (param i32) (result i32)))
            (import "js" "pair" (func $pair (result i32 i64)))
            (memory (export "memory") 1)
            (func (export "down") (param i32) (result i32)
              local.get 0 i32.eqz if (result i32) i32.const 100 else local.get 0 call $call i32.const 1 i32.add end)
            (func (export "grow") (result i32) i32.const 1 memory.grow)
            (func (export "sum") (result i64) (local i64) call $pair local.set 0 i64.extend_i32_s local.get 0 i64.add))"#;
        let code = "let mode = 'again'; const wrong = new Error('mine'); \
            const { exports } = new WebAssembly.Instance(module, { js: { \
              call: (n) => { if (mode === 'throw') throw wrong; if (mode === 'grow') { exports.grow(); return exports.memory.buffer.byteLength; } return exports.down(n - 1); }, \
              pair: () => mode === 'short' ? [1] : mode === 'none' ? 5 : [40, 2n] } }); \
            const depth = exports.down(20); mode = 'throw'; let caught; try { exports.down(1); } catch (error) { caught = error === wrong; } \
            mode = 'grow'; const view = new Uint8Array(exports.memory.buffer); const grown = exports.down(1); \
            const sum = exports.sum(); mode = 'short'; const short = told(() => exports.sum()); mode = 'none'; const none = told(() => exports.sum()).split(':')[0]; \
            mode = 'again'; const deep = told(() => exports.down(1e6)); \
            return [depth, caught, grown, view.length, sum, short, none, deep, exports.down(2)];";
        assert_eq!(
            gives(wat, code).await,
            r#"[120,true,131073,0,"42n","TypeError: multi-return length mismatch","TypeError","RangeError: Maximum call stack size exceeded",102]"#
        );
    });
}

#[test]
fn traps_are_runtime_errors_with_v8s_words() {
    run(async {
        let wat = r#"(module (memory 1) (table 2 funcref) (type $none (func))
            (func (export "unreachable") unreachable)
            (func (export "outside") i32.const 65536 i32.load drop)
            (func (export "divide") (param i32) (result i32) i32.const 1 local.get 0 i32.div_s)
            (func (export "round") (result i32) f64.const 1e300 i32.trunc_f64_s)
            (func (export "null") i32.const 0 call_indirect (type $none))
            (func (export "beyond") i32.const 9 call_indirect (type $none))
            (func $deep (export "deep") call $deep))"#;
        let code = "const { exports } = new WebAssembly.Instance(module); \
            const all = Object.keys(exports).map((name) => told(() => exports[name](0))); \
            let is; try { exports.unreachable(); } catch (error) { is = [error instanceof WebAssembly.RuntimeError, error instanceof Error, error.stack.includes('m.wasm') || typeof error.stack]; } \
            return [all, is];";
        assert_eq!(
            gives(wat, code).await,
            r#"[["RuntimeError: unreachable","RuntimeError: memory access out of bounds","RuntimeError: divide by zero","RuntimeError: float unrepresentable in integer range","RuntimeError: null function or function signature mismatch","RuntimeError: table index is out of bounds","RangeError: Maximum call stack size exceeded"],[true,true,"string"]]"#
        );
    });
}

#[test]
fn what_is_shared_between_instances_is_one_thing() {
    run(async {
        let wat = r#"(module
            (import "js" "memory" (memory 1)) (import "js" "table" (table 2 funcref))
            (import "js" "count" (global $count (mut i32))) (import "js" "fixed" (global $fixed f64))
            (type $number (func (result i32)))
            (export "memory" (memory 0)) (export "table" (table 0)) (export "count" (global $count)) (export "fixed" (global $fixed))
            (func $own (export "own") (result i32) global.get $count i32.const 1 i32.add global.set $count global.get $count)
            (elem (i32.const 0) $own)
            (func (export "indirect") (param i32) (result i32) local.get 0 call_indirect (type $number))
            (func (export "first") (result i32) i32.const 0 i32.load8_u))"#;
        let code = "const memory = new WebAssembly.Memory({ initial: 1 }); const early = new Uint8Array(memory.buffer); early[0] = 5; \
            const table = new WebAssembly.Table({ initial: 2, element: 'anyfunc' }); const count = new WebAssembly.Global({ value: 'i32', mutable: true }, 10); \
            const js = { memory, table, count, fixed: 1.5 }; \
            const one = new WebAssembly.Instance(module, { js }).exports; const two = new WebAssembly.Instance(module, { js }).exports; \
            table.set(1, one.own); early[0]++; \
            const same = [one.memory === memory, one.table === two.table, one.count === count, table.get(0) === two.own, table.get(1) === one.own, memory.buffer === early.buffer]; \
            const counted = [one.own(), two.indirect(0), two.indirect(1), count.value, one.fixed.value]; count.value = 0; \
            const other = new WebAssembly.Instance(module, { js: { ...js, memory: new WebAssembly.Memory({ initial: 1 }), count: new WebAssembly.Global({ value: 'i32', mutable: true }, 100) } }).exports; \
            const apart = new WebAssembly.Instance(module, { js: { memory: new WebAssembly.Memory({ initial: 1 }), table: new WebAssembly.Table({ initial: 2, element: 'anyfunc' }), count: new WebAssembly.Global({ value: 'i32', mutable: true }, 7), fixed: 0 } }).exports; \
            apart.table.set(1, one.own); \
            return [same, counted, one.own(), two.first(), other.own(), apart.indirect(1), apart.table.get(1) === one.own, count.value, \
              told(() => new WebAssembly.Instance(module, {})), told(() => new WebAssembly.Instance(module)), told(() => new WebAssembly.Instance(module, { js: { ...js, count: 1 } })), \
              told(() => new WebAssembly.Instance(module, { js: { ...js, memory: 1 } })), told(() => new WebAssembly.Instance(module, { js: { ...js, fixed: 1n } }))];";
        assert_eq!(
            gives(wat, code).await,
            concat!(
                r#"[[true,true,true,true,true,true],[11,12,13,13,1.5],1,6,101,2,true,2,"#,
                r#""TypeError: WebAssembly.Instance(): Import #0 \"js\": module is not an object or function","#,
                r#""TypeError: WebAssembly.Instance(): Imports argument must be present and must be an object","#,
                r#""LinkError: WebAssembly.Instance(): Import #2 \"js\" \"count\": imported mutable global must be a WebAssembly.Global object","#,
                r#""LinkError: WebAssembly.Instance(): Import #0 \"js\" \"memory\": memory import must be a WebAssembly.Memory object","#,
                r#""LinkError: WebAssembly.Instance(): Import #3 \"js\" \"fixed\": global import must be a number, valid Wasm reference, or WebAssembly.Global object"]"#
            )
        );
    });
}

#[test]
fn code_that_runs_compiles_none_and_sends_none() {
    run(async {
        let code = "const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]); \
            const later = async (run) => { try { return await run(); } catch (error) { return `${error.name}: ${error.message}`; } }; \
            return [told(() => new WebAssembly.Module(bytes)), await later(() => WebAssembly.compile(bytes)), await later(() => WebAssembly.instantiate(bytes)), \
              WebAssembly.validate(bytes), WebAssembly.validate(bytes.subarray(4)), told(() => structuredClone(module)), told(() => structuredClone({ a: [new WebAssembly.Instance(module)] })), \
              WebAssembly.Module.exports(module).length, String(module), (await WebAssembly.instantiate(module)) instanceof WebAssembly.Instance];";
        assert_eq!(
            gives("(module)", code).await,
            concat!(
                r#"["CompileError: WebAssembly.Module(): Wasm code generation disallowed by embedder","#,
                r#""CompileError: WebAssembly.compile(): Wasm code generation disallowed by embedder","#,
                r#""CompileError: WebAssembly.instantiate(): Wasm code generation disallowed by embedder","#,
                r#"true,false,"Error: Unable to deserialize cloned data.","DataCloneError: #<Instance> could not be cloned.","#,
                r#"0,"[object WebAssembly.Module]",true]"#
            )
        );
    });
}

#[test]
fn instances_of_the_top_level_are_forked_with_it() {
    run(async {
        let wat = r#"(module (import "js" "began" (func $began)) (start $begin)
            (memory (export "memory") 1) (global $count (mut i32) (i32.const 0))
            (func $begin call $began i32.const 0 i32.const 77 i32.store8)
            (func (export "next") (result i32) global.get $count i32.const 1 i32.add global.set $count global.get $count)
            (func (export "first") (result i32) i32.const 0 i32.load8_u))"#;
        let worker = App::new(
            "import module from './m.wasm'; let starts = 0; \
             const { next, first, memory } = new WebAssembly.Instance(module, { js: { began() { starts++; } } }).exports; \
             const view = new Uint8Array(memory.buffer); next(); view[9] = 4; \
             export default { fetch() { return Response.json([next(), first(), starts, view[9], view === undefined]); } };",
        )
        .module("m.wasm", ModuleKind::Wasm, module(wat))
        .deploy()
        .await;
        assert_eq!(text(&worker, "/").await, "[2,77,1,4,false]");
    });
}

#[test]
fn a_module_that_is_none_fails_the_program() {
    run(async {
        let refused = App::new("import './m.wasm'; export default {};")
            .module("m.wasm", ModuleKind::Wasm, b"\0asm\x01\0\0\0\x0a\x01")
            .refused()
            .await;
        assert_eq!(refused.kind, FailureKind::Exception, "{refused}");
        assert!(refused.message.contains("m.wasm"), "{refused}");
    });
}

#[test]
fn references_that_nothing_holds_any_more_go() {
    run(async {
        let wat = r#"(module (table $kept (export "kept") 4 externref) (global $last (mut externref) (ref.null extern))
            (func (export "pass") (param externref) (result externref) local.get 0)
            (func (export "keep") (param i32 externref) local.get 0 local.get 1 table.set $kept)
            (func (export "last") (param externref) (result externref) (local externref)
              global.get $last local.set 1 local.get 0 global.set $last local.get 1))"#;
        let code = "const { pass, keep, kept, last } = new WebAssembly.Instance(module).exports; \
            const first = { name: 'first' }; keep(1, first); last('global'); let wrong = 0; \
            for (let round = 0; round < 20000; round++) { const object = { text: 'x'.repeat(5000) + round }; if (pass(object) !== object) wrong++; } \
            return [wrong, kept.get(1) === first, kept.get(0), last(1), last(2)];";
        assert_eq!(
            text(
                &app(wat, code)
                    .limits(|limits| limits.memory_bytes = 40 << 20)
                    .deploy()
                    .await,
                "/"
            )
            .await,
            r#"[0,true,null,"global",1]"#
        );
    });
}

#[test]
fn instances_that_nothing_holds_any_more_go() {
    run(async {
        let wat = r#"(module (import "js" "f" (func)) (memory (export "memory") 16) (func (export "g") call 0))"#;
        // Each instance is in a circle with the function that it imports.
        let code = "let sum = 0; for (let round = 0; round < 400; round++) { const box = {}; \
            box.exports = new WebAssembly.Instance(module, { js: { f: () => { sum += box.exports.memory.buffer.byteLength; } } }).exports; box.exports.g(); } \
            return sum;";
        assert_eq!(gives(wat, code).await, (400 * 16 * 65536).to_string());
    });
}
