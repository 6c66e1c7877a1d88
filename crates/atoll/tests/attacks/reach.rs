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
fn no_native_is_reachable_from_what_a_worker_is_given() {
    run(async {
        let other = App::fetch("return new Response('x');").deploy().await;
        let worker = walker(
            "const streams = new Response('x').body; const reader = streams.getReader(); const upstream = new TransformStream(); \
             const pair = new WebSocketPair(); const called = await env.OTHER.fetch('http://x.test/'); const timer = setTimeout(() => {}, 1); \
             const key = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, true, ['sign']); \
             const roots = { globalThis, request, env, ctx, streams, reader, upstream, pair, called, timer, key, body: request.body, signal: request.signal, \
             url: new URL('http://a.test/?b'), params: new URLSearchParams('a=b'), entries: new Headers({ a: 'b' }).entries(), form: new FormData(), \
             controller: new AbortController(), error: new Error('x'), blob: new Blob(['x']), clone: structuredClone({ a: 1 }), caches, \
             workers: await import('cloudflare:workers'), context: __atoll_ctx_get(), cache: caches.default, digest: new crypto.DigestStream('SHA-256'), \
             pairOfKeys: await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']), \
             encoder: new TextEncoder(), decoder: new TextDecoder(), decoding: new TextDecoderStream(), compressing: new CompressionStream('gzip'), \
             expanding: new DecompressionStream('gzip'), rewriter: new HTMLRewriter().on('*', {}), channel: new MessageChannel(), pattern: new URLPattern({ pathname: '/:a' }), \
             patternMatch: new URLPattern({ pathname: '/:a' }).exec('http://x.test/b'), format: new Intl.DateTimeFormat('en'), numbers: new Intl.NumberFormat('en'), \
             parts: new Intl.Segmenter('en').segment('a b'), iterator: new Intl.Segmenter('en').segment('a b')[Symbol.iterator](), collator: new Intl.Collator('en'), \
             bytes: new ReadableStream({ type: 'bytes' }), writer: new WritableStream().getWriter(), identity: new IdentityTransformStream(), fixed: new FixedLengthStream(2), \
             event: new Event('x'), message: new MessageEvent('x'), timeout: AbortSignal.timeout(1), meta: import.meta, navigator, file: new File(['x'], 'x'), date: new Date(), \
             unsent: new WebSocketPair()[0], source: Object.getOwnPropertyDescriptors(EventSource.prototype), answer: new Response('x', { headers: { a: 'b' } }).clone(), \
             caught: await new Promise((done) => { try { new URL('bad'); } catch (error) { done(error); } }), \
             refused: await fetch('http://x.test/', { signal: AbortSignal.abort() }).catch((error) => error) }; \
             return Response.json(natives(roots));",
        )
        .service("OTHER", std::sync::Arc::new(other))
        .deploy()
        .await;
        // The engine shows every proxy of a function as native. What is behind this one takes only calls.
        let stub = r#"["ctx.exports.default ([object JsRpcProperty])"]"#;
        assert_eq!(text(&worker, "/").await, stub);
    });
}

#[test]
fn no_native_is_reachable_from_node_modules() {
    run(async {
        let worker = walker(
            "const roots = {}; const { builtinModules } = await import('node:module'); \
             for (const name of builtinModules) roots[name] = await import(name.startsWith('node:') ? name : `node:${name}`); \
             const { Buffer } = roots.buffer, { createHash, createHmac, createCipheriv, generateKeyPairSync, createSecretKey, createSign, createECDH } = roots.crypto; \
             const { createGzip, gunzipSync, gzipSync, deflateRawSync } = roots.zlib; const key = new Uint8Array(16); \
             Object.assign(roots, { made: [Buffer.from('x'), createHash('sha256'), createHmac('sha256', 'k'), createCipheriv('aes-128-gcm', key, key), \
             generateKeyPairSync('ec', { namedCurve: 'P-256' }), createSecretKey(key), createSign('sha256'), createECDH?.('prime256v1'), createGzip(), \
             deflateRawSync('x', { info: true }), gunzipSync(gzipSync('x'), { info: true }), new roots.string_decoder.StringDecoder('utf8'), \
             new roots.async_hooks.AsyncLocalStorage(), new roots.async_hooks.AsyncResource('x'), roots.stream.Readable.from(['x']), new roots.util.MIMEType('a/b'), \
             roots.util.promisify(setTimeout), roots.module.createRequire('/x.js'), roots.diagnostics_channel.channel('x'), roots.process.hrtime, \
             roots.timers.setTimeout(() => {}, 1), roots.timers.setImmediate(() => {})] }); \
             return Response.json([natives(roots), builtinModules.length > 50]);",
        )
        .deploy()
        .await;
        assert_eq!(text(&worker, "/").await, "[[],true]");
    });
}

#[test]
fn tampering_with_prototypes_shows_no_native() {
    run(async {
        let other = App::fetch("return new Response(request.body);")
            .deploy()
            .await;
        let worker = walker(
            "const caught = new Set(); let quiet = true; const keep = (value) => { if (!quiet && (typeof value === 'function' || \
             (typeof value === 'object' && value !== null))) { quiet = true; add.call(caught, value); quiet = false; } }; \
             const add = Set.prototype.add, apply = Reflect.apply; \
             for (const holder of [Promise.prototype, Array.prototype, Map.prototype, Set.prototype, WeakMap.prototype, Function.prototype, Object, Reflect, \
             Promise, Array, Uint8Array, Object.getPrototypeOf(Uint8Array.prototype), ArrayBuffer.prototype, String.prototype, JSON, Symbol.prototype, RegExp.prototype]) \
             for (const key of Reflect.ownKeys(holder)) { const property = Object.getOwnPropertyDescriptor(holder, key); \
             if (typeof property.value !== 'function' || !property.writable || key === 'constructor') continue; const original = property.value; \
             if ((holder === Reflect && key === 'apply') || (holder === Set.prototype && key === 'add')) continue; \
             try { Object.defineProperty(holder, key, { ...property, value(...args) { keep(this); for (let i = 0; i < args.length; i++) keep(args[i]); \
             return new.target ? Reflect.construct(original, args) : apply(original, this, args); } }); } catch {} } \
             for (const key of ['event', 'id', 'handlers', 'context', 'signal', 'resolve', 'reject', 'stream', 'forward', 'body', 'toJSON', 'then']) \
             Object.defineProperty(Object.prototype, key, { configurable: true, get() { keep(this); }, \
             set(value) { keep(this); keep(value); Object.defineProperty(this, key, { value, writable: true, enumerable: true, configurable: true }); } }); \
             quiet = false; \
             try { const called = await env.OTHER.fetch('http://x.test/', { method: 'POST', body: new Blob(['abc']).stream() }); await called.text(); \
             console.log({ a: [1] }); await scheduler.wait(1); structuredClone(new Map([[1, { a: 1 }]])); crypto.getRandomValues(new Uint8Array(2)); \
             await crypto.subtle.digest('SHA-256', new Uint8Array(2)); new URL('http://a.test/?b#c').searchParams.append('d', 'e'); \
             await caches.default.match('http://a.test/'); new Headers({ a: 'b' }).forEach(() => {}); const form = new FormData(); form.append('a', 'b'); \
             await new Response(form).text(); const pair = new WebSocketPair(); pair[0].accept(); pair[1].accept(); pair[0].send('x'); \
             await new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(2)); c.close(); } }).pipeThrough(new CompressionStream('gzip'))).arrayBuffer(); \
             Promise.reject(new Error('x')); btoa('x'); performance.now(); } catch {} \
             quiet = true; for (const key of ['event', 'id', 'handlers', 'context', 'signal', 'resolve', 'reject', 'stream', 'forward', 'body', 'toJSON', 'then']) delete Object.prototype[key]; \
             const roots = {}; let index = 0; for (const value of caught) roots[`caught ${index++}`] = value; \
             return new Response(`${index > 50} ${natives(roots).join()}`);",
        )
        .service("OTHER", std::sync::Arc::new(other))
        .deploy()
        .await;
        assert_eq!(text(&worker, "/").await, "true ");
    });
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
fn a_worker_without_powers_has_none() {
    run(async {
        let worker = App::fetch(
            "const seen = []; for (const work of [() => fetch('http://127.0.0.1:1/'), () => new Promise((_, reject) => { \
             const socket = new WebSocket('ws://127.0.0.1:1/'); socket.addEventListener('error', (event) => reject(event.error ?? new Error(event.message))); }), \
             () => caches.default.match('http://x.test/'), () => caches.open('x').then((cache) => cache.put('http://x.test/', new Response('x')))]) \
             try { await work(); seen.push('worked'); } catch (error) { seen.push(/not permitted|not available|no cache/i.test(error.message) || error.message); } \
             return Response.json([Object.keys(env), ...seen]);",
        )
        .without_powers()
        .deploy()
        .await;
        assert_eq!(text(&worker, "/").await, "[[],true,true,true,true]");
    });
}

#[test]
fn files_processes_and_sockets_of_node_do_nothing() {
    run(async {
        let worker = App::fetch(
            "const fs = await import('node:fs'); const net = await import('node:net'); const child = await import('node:child_process'); \
             const process = (await import('node:process')).default; const seen = []; \
             for (const work of [() => fs.readFileSync('/etc/passwd', 'utf8'), () => fs.readdirSync('/proc'), () => fs.readFileSync('/proc/self/environ'), \
             () => net.connect(22, '127.0.0.1'), () => net.createServer(), () => child.execSync('id'), () => child.spawn('id'), () => process.kill(process.pid), \
             () => process.binding('fs'), () => process.dlopen({}, 'x')]) try { await work(); seen.push(String(work)); } catch {} \
             fs.writeFileSync('/tmp/atoll-attack', 'x'); \
             return Response.json([seen, Object.keys(process.env), fs.readdirSync('/tmp/../../..')]);",
        )
        .deploy()
        .await;
        // What it calls files is memory of its own.
        assert_eq!(
            text(&worker, "/").await,
            r#"[[],[],["bundle","dev","tmp"]]"#
        );
        assert!(!std::path::Path::new("/tmp/atoll-attack").exists());
    });
}
