//! Small primitives under the Workers API, one native module an area.
//!
//! They are synchronous and do no I/O. Only internal modules can import them.

use std::cell::Cell;
use std::rc::Rc;

use rquickjs::{Ctx, Object, Result};

mod async_context_exports;
mod brotli;
mod buffer;
mod bundle;
pub(crate) mod bytes;
pub(crate) mod casts;
mod clone;
mod crypto;
mod facets;
mod form;
pub(crate) mod function;
pub(crate) mod handle;
mod headers;
mod html_rewriter;
mod inspect;
mod intl;
pub(crate) mod io;
mod markdown;
mod mask;
pub(crate) mod moulds;
mod objects;
pub(crate) mod random;
mod rpc;
pub(crate) mod sqlite;
mod steps;
mod text;
mod transform;
mod url;
pub(crate) mod wasm;
mod zlib;

/// Stops natives when the engine's code would be stopped.
pub(crate) fn watch(deadline_us: &Rc<Cell<u64>>, interrupted: &Rc<Cell<bool>>) {
    sqlite::watch(sqlite::Watch {
        deadline_us: Rc::clone(deadline_us),
        interrupted: Rc::clone(interrupted),
    });
    wasm::watch(wasm::Watch {
        deadline_us: Rc::clone(deadline_us),
        interrupted: Rc::clone(interrupted),
    });
}

/// Finds out, in a process that is forked from, what each fork would have to find out.
pub(crate) fn warm_up() {
    random::warm_up();
}

/// What makes an area's exports.
pub(crate) type Exports = for<'js> fn(&Ctx<'js>) -> Result<Object<'js>>;

/// Every area: `atoll:native/NAME`.
pub(crate) const AREAS: &[(&str, Exports)] = &[
    ("async_context", async_context_exports::exports),
    ("buffer", buffer::exports),
    ("bundle", bundle::exports),
    ("clone", clone::exports),
    ("crypto", crypto::exports),
    ("facets", facets::exports),
    ("form", form::exports),
    ("headers", headers::exports),
    ("html_rewriter", html_rewriter::exports),
    ("inspect", inspect::exports),
    ("intl", intl::exports),
    ("io", io::exports),
    ("markdown", markdown::exports),
    ("mask", mask::exports),
    ("moulds", moulds::exports),
    ("objects", objects::exports),
    ("random", random::exports),
    ("rpc", rpc::exports),
    ("sqlite", sqlite::exports),
    ("text", text::exports),
    ("transform", transform::exports),
    ("url", url::exports),
    ("wasm", wasm::exports),
    ("zlib", zlib::exports),
];
