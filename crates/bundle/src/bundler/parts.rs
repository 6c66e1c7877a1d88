//! A bundle in parts, so that an engine that has read the packages in it need not read them again when the project's own
//! code changes.
//!
//! The bundler writes the modules of a chunk one after the other, in the order in which they are evaluated. Cut between
//! them, and with imports and exports between the parts, the chunk does the same as before in the same order, as long as no
//! part needs anything of a later one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    ArrowFunctionExpression, AwaitExpression, ForOfStatement, Function, ImportDeclaration,
    ImportDeclarationSpecifier, ModuleExportName, Statement, VariableDeclaration,
    VariableDeclarationKind,
};
use oxc::ast_visit::{Visit, walk};
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::span::{GetSpan as _, SourceType};
use oxc::syntax::scope::ScopeFlags;
use protocol::{Module, ModuleKind};

use super::passes::{self, Finished};
use crate::source_map::ModuleMap;

/// In front of what the bundler says a module of the chunk is.
const REGION: &str = "//#region ";
const END: &str = "\n//#endregion\n";
/// Less of packages than this, in bytes, is read as fast as it is cut.
const MIN_PACKAGES: usize = 64 * 1024;

/// What earlier builds found out about texts that are the same in the next.
#[derive(Debug, Default)]
pub(super) struct Texts {
    parts: Vec<(String, Arc<Part>)>,
    used: Vec<(String, Arc<Part>)>,
}

/// One part, or a chunk that is not cut.
#[derive(Debug)]
struct Part {
    finished: Finished,
    names: Option<Names>,
}

/// The names at the top level of a text.
#[derive(Debug, Default)]
struct Names {
    declared: BTreeSet<String>,
    /// Those that it does not declare itself.
    used: BTreeSet<String>,
    assigned: BTreeSet<String>,
}

/// A chunk in parts.
pub(super) struct Cut {
    /// The parts; the last module stands for the chunk.
    pub(super) modules: Vec<(Module, ModuleMap)>,
    /// Those that have nothing but code of packages, in an order in which they can be read.
    pub(super) packages: Vec<String>,
}

impl Texts {
    /// The text of a chunk as the engine gets it.
    pub(super) fn finish(&mut self, code: &str, map: &mut ModuleMap) -> String {
        let part = self.part(code, false);
        passes::follow(map, &part.finished.moved);
        part.finished.code.clone()
    }

    /// Forgets texts that the last build did not have.
    pub(super) fn end_build(&mut self) {
        self.parts = std::mem::take(&mut self.used);
    }

    fn part(&mut self, text: &str, wants_names: bool) -> Arc<Part> {
        let fits = |(known, part): &(String, Arc<Part>)| {
            known == text && (part.names.is_some() || !wants_names)
        };
        if let Some((_, part)) = self.used.iter().find(|known| fits(known)) {
            return Arc::clone(part);
        }
        let known = self.parts.iter().position(fits);
        let (text, part) = match known {
            Some(index) => self.parts.swap_remove(index),
            None => {
                let part = Arc::new(Part {
                    finished: passes::finished(text),
                    names: wants_names.then(|| Names::of(text)).flatten(),
                });
                (text.to_owned(), part)
            }
        };
        self.used.push((text, Arc::clone(&part)));
        part
    }

    /// Cuts the chunk `name`. `None` when it has not enough of packages, or would do something else in parts.
    pub(super) fn cut(
        &mut self,
        name: &str,
        code: &str,
        map: &ModuleMap,
        is_readable: impl Fn(&str) -> bool,
    ) -> Option<Cut> {
        let layout = Layout::of(code)?;
        let all = &layout.regions;
        // Where own modules need each other in a circle around packages, only what comes before all of them is cut off.
        self.cut_at(name, code, map, &layout, all, &is_readable)
            .or_else(|| {
                let first = all.get(..2)?;
                let begins = !first[0].is_own && all.len() > 2;
                begins.then(|| self.cut_at(name, code, map, &layout, first, &is_readable))?
            })
    }

    fn cut_at(
        &mut self,
        name: &str,
        code: &str,
        map: &ModuleMap,
        layout: &Layout,
        regions: &[Region],
        is_readable: &impl Fn(&str) -> bool,
    ) -> Option<Cut> {
        let ends = regions
            .iter()
            .skip(1)
            .map(|region| (region.start, region.line));
        let ends = ends.chain([(layout.end, layout.end_line)]);
        let pieces: Vec<(&Region, &str, u32)> = regions
            .iter()
            .zip(ends)
            .map(|(region, (end, end_line))| (region, &code[region.start..end], end_line))
            .collect();
        let of_packages = pieces.iter().filter(|(region, _, _)| !region.is_own);
        if of_packages.map(|(_, text, _)| text.len()).sum::<usize>() < MIN_PACKAGES {
            return None;
        }
        let parts: Vec<Arc<Part>> = pieces
            .iter()
            .map(|(_, text, _)| self.part(text, true))
            .collect();
        let names: Vec<&Names> = parts
            .iter()
            .map(|part| part.names.as_ref())
            .collect::<Option<_>>()?;
        let outside = Outside::of(&code[..layout.start])?;
        let mut homes: HashMap<&str, usize> = HashMap::new();
        for (index, names) in names.iter().enumerate() {
            for declared in &names.declared {
                let is_new = homes.insert(declared, index).is_none();
                if !is_new || outside.names.contains_key(declared) {
                    return None;
                }
            }
        }
        let part_name = |index: usize| format!("{}-{index}.js", name.trim_end_matches(".js"));
        let mut modules = Vec::new();
        let mut packages: Vec<String> = Vec::new();
        for (index, ((region, _, end_line), part)) in pieces.iter().zip(&parts).enumerate() {
            let names = names[index];
            let mut imports: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
            let mut text = String::with_capacity(part.finished.code.len() + 64 * 1024);
            let mut is_package = !region.is_own;
            for used in &names.used {
                if let Some(&home) = homes.get(used.as_str()) {
                    // Nobody but its own module can give an import another value.
                    if home > index || names.assigned.contains(used) {
                        return None;
                    }
                    imports.entry(home).or_default().push(used);
                } else if let Some((import, source)) = outside.names.get(used) {
                    text.push_str(import);
                    is_package &= is_readable(source);
                }
            }
            for (home, names) in imports {
                let from = part_name(home);
                is_package &= packages.contains(&from);
                let _ = write!(text, "import{{{}}}from\"./{from}\";", names.join(","));
            }
            text.push('\n');
            text.push_str(&part.finished.code);
            let declared: Vec<&str> = names.declared.iter().map(String::as_str).collect();
            let _ = write!(text, "\nexport{{{}}};\n", declared.join(","));
            let mut map = map.lines(region.line, *end_line);
            passes::follow(&mut map, &part.finished.moved);
            for mapping in &mut map.mappings {
                mapping.line += 1;
            }
            if is_package {
                packages.push(part_name(index));
            }
            modules.push((es_module(part_name(index), text), map));
        }
        let trailer = &code[layout.end..];
        let mut whole = code[..layout.start].to_owned();
        let mut imports: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for local in exported(trailer)? {
            match homes.get(local.as_str()) {
                Some(&home) => drop(imports.entry(home).or_default().insert(local)),
                None if outside.names.contains_key(&local) => {}
                None => return None,
            }
        }
        for index in 0..parts.len() {
            let names = imports.remove(&index).unwrap_or_default();
            let names: Vec<String> = names.into_iter().collect();
            let _ = writeln!(
                whole,
                "import{{{}}}from\"./{}\";",
                names.join(","),
                part_name(index)
            );
        }
        whole.push_str(trailer);
        modules.push((es_module(name.to_owned(), whole), ModuleMap::default()));
        Some(Cut { modules, packages })
    }
}

fn es_module(name: String, text: String) -> Module {
    Module {
        name,
        kind: ModuleKind::EsModule,
        content: text.into_bytes(),
    }
}

/// Modules of a chunk that come one after the other and are all the project's own, or all of packages.
#[derive(Clone, Copy, Debug)]
struct Region {
    start: usize,
    line: u32,
    is_own: bool,
}

/// Where the modules of a chunk are. Before them are its imports, and its exports come behind them.
struct Layout {
    regions: Vec<Region>,
    start: usize,
    end: usize,
    end_line: u32,
}

impl Layout {
    fn of(code: &str) -> Option<Self> {
        let mut regions: Vec<Region> = Vec::new();
        let mut start = 0;
        for (line, text) in (0..).zip(code.split_inclusive('\n')) {
            if let Some(module) = text.strip_prefix(REGION) {
                let is_own = !module.contains("node_modules/") && !module.starts_with(['\0', '\\']);
                if regions.last().is_none_or(|last| last.is_own != is_own) {
                    regions.push(Region {
                        start,
                        line,
                        is_own,
                    });
                }
            }
            start += text.len();
        }
        let end = code.rfind(END)? + END.len();
        let lines = code[..end].bytes().filter(|byte| *byte == b'\n').count();
        Some(Self {
            start: regions.first()?.start,
            regions,
            end,
            end_line: u32::try_from(lines).ok()?,
        })
    }
}

/// What a chunk imports: the import of each name as a declaration of its own, and where it is from.
struct Outside {
    names: HashMap<String, (String, String)>,
}

impl Outside {
    fn of(header: &str) -> Option<Self> {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, header, SourceType::mjs()).parse();
        if parsed.panicked || !parsed.diagnostics.is_empty() {
            return None;
        }
        let mut names = HashMap::new();
        for statement in &parsed.program.body {
            let Statement::ImportDeclaration(import) = statement else {
                return None;
            };
            if import.with_clause.is_some() || import.phase.is_some() {
                return None;
            }
            let source = import.source.value.as_str();
            for (local, what) in specifiers(import, header) {
                let import = format!("import {what} from {source:?};");
                names.insert(local, (import, source.to_owned()));
            }
        }
        Some(Self { names })
    }
}

fn specifiers(import: &ImportDeclaration<'_>, header: &str) -> Vec<(String, String)> {
    let one = |specifier: &ImportDeclarationSpecifier<'_>| {
        let text = specifier.span().source_text(header);
        let what = match specifier {
            ImportDeclarationSpecifier::ImportSpecifier(_) => format!("{{{text}}}"),
            _ => text.to_owned(),
        };
        (specifier.local().name.to_string(), what)
    };
    import.specifiers.iter().flatten().map(one).collect()
}

/// The names that a chunk exports, as they are called inside. `None` when there is more at its end than that.
fn exported(trailer: &str) -> Option<Vec<String>> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, trailer, SourceType::mjs()).parse();
    if parsed.panicked {
        return None;
    }
    let mut names = Vec::new();
    for statement in &parsed.program.body {
        let Statement::ExportNamedDeclaration(export) = statement else {
            return None;
        };
        for specifier in &export.specifiers {
            let ModuleExportName::IdentifierReference(local) = &specifier.local else {
                return None;
            };
            names.push(local.name.to_string());
        }
    }
    Some(names)
}

impl Names {
    /// `None` for a text that can't stand alone.
    fn of(text: &str) -> Option<Self> {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, text, SourceType::mjs()).parse();
        if parsed.panicked || !parsed.diagnostics.is_empty() {
            return None;
        }
        let mut waits = WaitsAtTop(false);
        waits.visit_program(&parsed.program);
        let has_imports = parsed
            .program
            .body
            .iter()
            .any(Statement::is_module_declaration);
        if waits.0 || has_imports {
            return None;
        }
        let semantic = SemanticBuilder::new().build(&parsed.program).semantic;
        let scoping = semantic.scoping();
        let mut names = Self::default();
        let top = scoping.get_bindings(scoping.root_scope_id());
        names.declared.extend(top.keys().map(ToString::to_string));
        for (name, references) in scoping.root_unresolved_references() {
            // What is evaluated as a text may use any name.
            if name.as_str() == "eval" {
                return None;
            }
            let mut references = references.iter();
            if references.any(|reference| scoping.get_reference(*reference).is_write()) {
                names.assigned.insert(name.to_string());
            }
            names.used.insert(name.to_string());
        }
        Some(names)
    }
}

/// Looks for a wait outside of all functions: what comes after it would no longer come after it in another module.
struct WaitsAtTop(bool);

impl<'a> Visit<'a> for WaitsAtTop {
    fn visit_function(&mut self, _: &Function<'a>, _: ScopeFlags) {}

    fn visit_arrow_function_expression(&mut self, _: &ArrowFunctionExpression<'a>) {}

    fn visit_await_expression(&mut self, _: &AwaitExpression<'a>) {
        self.0 = true;
    }

    fn visit_for_of_statement(&mut self, statement: &ForOfStatement<'a>) {
        self.0 |= statement.r#await;
        walk::walk_for_of_statement(self, statement);
    }

    fn visit_variable_declaration(&mut self, declaration: &VariableDeclaration<'a>) {
        self.0 |= declaration.kind == VariableDeclarationKind::AwaitUsing;
        walk::walk_variable_declaration(self, declaration);
    }
}
