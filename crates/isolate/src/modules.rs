//! From specifiers to modules: the worker's own, the Workers API's, Node's, and native ones.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use protocol::{ModuleKind, NODE_BUILTINS};
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{
    ArrayBuffer, Ctx, Error, Exception, Module, Object, Result, String as JsString, Value,
};

use crate::native::{self, wasm};
use crate::sources::Sources;

/// In front of the names of internal modules.
const INTERNAL: &str = "atoll:";
/// What the event loop loads first. Only it imports from nowhere.
pub(crate) const MAIN: &str = "atoll:main.js";
/// In front of the names of native modules.
const NATIVE: &str = "atoll:native/";

/// The npm package that is part of the runtime.
const BUNDLER: &str = "@cloudflare/worker-bundler";

/// The modules of the program that is loaded, by name. Loading one may load others, so contents are shared and not borrowed.
pub(crate) type ProgramModules = Rc<RefCell<BTreeMap<String, (ModuleKind, Rc<Vec<u8>>)>>>;

/// Decides which module a specifier names.
pub(crate) struct Names {
    pub(crate) program: ProgramModules,
}

impl Names {
    fn find(&self, base: &str, specifier: &str) -> Option<String> {
        if let Some(name) = specifier.strip_prefix("node:") {
            return Some(format!("{INTERNAL}node/{name}.js"));
        }
        if let Some(name) = specifier.strip_prefix("cloudflare:") {
            return Some(format!("{INTERNAL}cloudflare/{name}.js"));
        }
        if let Some(base) = base.strip_prefix(INTERNAL) {
            return if specifier.starts_with('.') {
                Some(format!("{INTERNAL}{}", join(base, specifier)))
            } else if specifier.starts_with(INTERNAL) {
                Some(specifier.to_owned())
            } else {
                None
            };
        }
        if base.is_empty() && specifier == MAIN {
            return Some(specifier.to_owned());
        }
        if specifier == "atoll:test" {
            return Some(format!("{INTERNAL}test.js"));
        }
        if specifier == "atoll:test-storage" {
            return Some(format!("{INTERNAL}storage/test.js"));
        }
        // A program may hold a module of such a name; what it would get is ours.
        if specifier.starts_with(INTERNAL) {
            return None;
        }
        let program = self.program.borrow();
        let relative = join(base, specifier);
        if program.contains_key(&relative) && specifier.starts_with('.') {
            return Some(relative);
        }
        if program.contains_key(specifier) {
            return Some(specifier.to_owned());
        }
        if specifier == BUNDLER {
            return Some(format!("{INTERNAL}bundler/index.js"));
        }
        // A bundler's chunk names are relative to the root as well.
        let rooted = join("", specifier);
        if program.contains_key(&rooted) {
            return Some(rooted);
        }
        NODE_BUILTINS
            .binary_search(&specifier)
            .is_ok()
            .then(|| format!("{INTERNAL}node/{specifier}.js"))
    }
}

impl Resolver for Names {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        specifier: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        self.find(base, specifier).ok_or_else(|| {
            let message = format!(
                "No such module \"{}\".\n  imported from \"{base}\"",
                join(base, specifier)
            );
            Exception::throw_message(ctx, &message)
        })
    }
}

/// Resolves `.` and `..` of `specifier` against the folder of `base`, both relative to one root.
fn join(base: &str, specifier: &str) -> String {
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = if specifier.starts_with('.') {
        folder.split('/').collect()
    } else {
        Vec::new()
    };
    for part in specifier.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join("/")
}

/// Makes modules out of names.
pub(crate) struct Contents {
    pub(crate) sources: Sources,
    pub(crate) program: ProgramModules,
}

impl Contents {
    /// The bytes of a module of WebAssembly. Once it is compiled, nobody needs them.
    fn take_wasm(&self, name: &str) -> Option<Rc<Vec<u8>>> {
        let mut program = self.program.borrow_mut();
        match program.get_mut(name)? {
            (ModuleKind::Wasm, content) if !content.is_empty() => Some(std::mem::take(content)),
            _ => None,
        }
    }
}

impl Loader for Contents {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        if let Some(area) = name.strip_prefix(NATIVE) {
            let (_, exports) = native::AREAS
                .iter()
                .find(|(known, _)| *known == area)
                .ok_or_else(|| Error::new_loading_message(name, "no such native area"))?;
            return exports_module(ctx, name, &exports(ctx)?);
        }
        if let Some(path) = name.strip_prefix(INTERNAL) {
            let source = self.sources.read(path).ok_or_else(|| missing(ctx, path))?;
            return Module::declare(ctx.clone(), name, source.as_bytes());
        }
        if let Some(content) = self.take_wasm(name) {
            let module = wasm::import(ctx, name, &content)?;
            return default_module(ctx, name, module.into_value());
        }
        let known = self.program.borrow().get(name).cloned();
        let (kind, content) = known.ok_or_else(|| Error::new_loading(name))?;
        let text = || JsString::from_str(ctx.clone(), &String::from_utf8_lossy(&content));
        match kind {
            ModuleKind::EsModule => Module::declare(ctx.clone(), name, content.as_slice()),
            ModuleKind::CommonJs => common_js_module(ctx, name, &content),
            ModuleKind::Text => default_module(ctx, name, text()?.into_value()),
            ModuleKind::Json => default_module(ctx, name, ctx.json_parse(content.as_slice())?),
            ModuleKind::Data => default_module(
                ctx,
                name,
                ArrayBuffer::new_copy(ctx.clone(), content.as_slice())?.into_value(),
            ),
            // It was taken when it was first loaded.
            ModuleKind::Wasm => Err(Error::new_loading(name)),
        }
    }
}

/// What Workers say about an import of something that is not there.
fn missing(ctx: &Ctx<'_>, path: &str) -> Error {
    let (scheme, rest) = match path.split_once('/') {
        Some((scheme @ ("node" | "cloudflare"), rest)) => (scheme, rest),
        _ => ("atoll", path),
    };
    let name = rest.strip_suffix(".js").unwrap_or(rest);
    Exception::throw_message(ctx, &format!("No such module \"{scheme}:{name}\"."))
}

/// A module whose exports are the properties of `exports`.
fn exports_module<'js>(
    ctx: &Ctx<'js>,
    name: &str,
    exports: &Object<'js>,
) -> Result<Module<'js, Declared>> {
    let mut source = String::new();
    for key in exports.keys::<String>() {
        let key = key?;
        if let Some(function) = exports.get::<_, Value<'js>>(key.as_str())?.into_function() {
            function.set_name(&key)?;
        }
        source.push_str(&format!(
            "export const {key} = import.meta.exports.{key};\n"
        ));
    }
    let module = Module::declare(ctx.clone(), name, source)?;
    module.meta()?.set("exports", exports.clone())?;
    Ok(module)
}

fn default_module<'js>(
    ctx: &Ctx<'js>,
    name: &str,
    value: Value<'js>,
) -> Result<Module<'js, Declared>> {
    let module = Module::declare(
        ctx.clone(),
        name,
        "export default import.meta.value; delete import.meta.value;",
    )?;
    module.meta()?.set("value", value)?;
    Ok(module)
}

/// A CommonJS module: run as a function when it is first evaluated.
fn common_js_module<'js>(
    ctx: &Ctx<'js>,
    name: &str,
    content: &[u8],
) -> Result<Module<'js, Declared>> {
    let source = String::from_utf8_lossy(content);
    let specifiers = required(&source);
    let mut wrapped = String::new();
    // Everything stays on the first line, so that line numbers in stack traces remain the author's.
    for (index, specifier) in specifiers.iter().enumerate() {
        wrapped.push_str(&format!("import * as __cjs{index} from {specifier:?};"));
    }
    wrapped.push_str("const __known={");
    for (index, specifier) in specifiers.iter().enumerate() {
        wrapped.push_str(&format!("{specifier:?}:__cjs{index},"));
    }
    wrapped.push_str(
        "};const module={exports:{}};const require=(n)=>{const m=__known[n];\
         if(m===undefined)throw new Error(`No such module \"${n}\".`);\
         return 'default' in m?m.default:m};\
         (function(exports,require,module){",
    );
    wrapped.push_str(&source);
    wrapped.push_str(
        "\n}).call(module.exports,module.exports,require,module);export default module.exports;",
    );
    Module::declare(ctx.clone(), name, wrapped)
}

/// The string literals in `require("…")` calls.
fn required(source: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find("require(") {
        rest = &rest[at + "require(".len()..];
        let Some(quote @ ('"' | '\'')) = rest.chars().next() else {
            continue;
        };
        let Some(end) = rest[1..].find(quote) else {
            continue;
        };
        let specifier = &rest[1..=end];
        if !specifier.contains(['\n', '\\']) && !found.contains(&specifier) {
            found.push(specifier);
        }
    }
    found
}
