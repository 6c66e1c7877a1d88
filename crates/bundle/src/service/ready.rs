//! What is done before there is anything to build.

use std::hint::black_box;

use serde_json::json;

use super::{alone, answer, bundling, request};

/// Memory and stack that a small build needs, in bytes.
const HEAP_BYTES: usize = 256 * 1024;
const STACK_BYTES: usize = 128 * 1024;

/// A program with a little of everything.
const FILES: [(&str, &str); 5] = [
    (
        "index.tsx",
        "// What programs have.\n/* And more. */
import { b, type C } from './b'; import data from './data.json'; import note from './note.txt';
import c, { named } from 'c'; import fs from 'node:fs';
enum Kind { One, Two }
let a: number = b(data.n, c, named, note, fs);
abstract class A<T> {
  constructor(private readonly x?: T) {}
  async get(y = 1) { for (const z of [y]) await z; return this.x ?? Kind.One; }
}
class B extends A<string> { static count = 0; }
const { p, ...rest } = { p: /a+/gu, q: 'q\\n', r: 1_000n };
const late = () => import('./b');
export default {
  async fetch(request: Request): Promise<Response> {
    try {
      const url = new URL(request.url);
      switch (url.pathname) { case '/': return new Response(`${a}${await new B().get()}`); }
    } catch (error) { console.log(error as Error, rest, p, late); }
    return Response.json({ a }, { status: 404 });
  },
} satisfies object;",
    ),
    (
        "b.ts",
        "export interface C { d: string }
export const b = (...all: unknown[]) => all?.length ?? 0;
export function unused(): void { while (true) break; }",
    ),
    ("data.json", r#"{"n":1}"#),
    ("note.txt", "a note"),
    (
        "node_modules/c/index.js",
        "'use strict'; var d = require('./d'); exports.named = d; module.exports.default = function () {};",
    ),
];

/// Small builds, so that a process that is forked after them finds its tables made. It leaves no thread behind, and this
/// thread is the whole pool of whatever is computed in parallel on it.
///
/// # Panics
/// When something of ours does not build.
pub fn get_ready() {
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build()
        .map(std::mem::forget)
        .expect("a pool of this thread needs nothing");
    let runtime = alone().expect("a runtime without threads needs nothing");
    for request in usual_requests() {
        drop(answer(&runtime, request, Vec::new()));
    }
    bundling::finish_dropping();
}

fn usual_requests() -> Vec<Vec<u8>> {
    let options = [
        json!({ "entryPoint": "index.tsx" }),
        json!({ "entryPoint": "index.tsx", "bundle": false }),
        json!({ "entryPoint": "index.tsx", "minify": true, "sourcemap": true, "jsx": "automatic" }),
    ];
    options.map(|options| usual_request(&options)).to_vec()
}

/// The request for that program.
pub(super) fn usual_request(options: &serde_json::Value) -> Vec<u8> {
    let lengths = FILES.map(|(name, content)| (name, content.len()));
    let contents = FILES.map(|(_, content)| content).concat();
    let header = json!({ "action": "worker", "files": lengths, "options": options });
    request::encode(&header.to_string(), contents.as_bytes())
}

/// Has the kernel find memory for what comes, which it does page by page when one is first written to. A fork has none of its
/// own, and nobody waits for it yet.
pub(super) fn touch_memory() {
    const BLOCK: usize = 64 * 1024;
    let blocks: Vec<Vec<u8>> = (0..HEAP_BYTES / BLOCK).map(|_| vec![1; BLOCK]).collect();
    drop(black_box(blocks));
    touch_stack(STACK_BYTES);
}

#[inline(never)]
fn touch_stack(bytes: usize) {
    let frame = black_box([1_u8; 4096]);
    if let Some(rest) = bytes.checked_sub(frame.len()) {
        touch_stack(rest);
    }
    black_box(frame);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_to_get_ready_can_be_built() {
        for request in usual_requests() {
            let reply = answer(&alone().unwrap(), request, Vec::new());
            let header = String::from_utf8_lossy(&reply);
            assert!(header.contains("mainModule"), "{header}");
        }
    }
}
