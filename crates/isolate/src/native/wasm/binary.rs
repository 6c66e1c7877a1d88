//! What stands in a module, and the module as the interpreter is given it.
//!
//! Three things are changed before it is compiled. Memories that it defines become imports, so that they lie in a
//! [`Region`](super::region::Region) of ours. Its start function is called by us, so that it can be stopped. And the
//! places that can hold references to JavaScript values are exported, so that one can tell which values are still held.
//! All three are added behind what the author wrote, so every index stays what it was.

use wasmparser::{
    ExternalKind, Parser, Payload, RefType, TypeRef, ValType, ValidPayload, Validator, WasmFeatures,
};

/// In front of the names that are added. No text format can write it, and a module that has such a name is refused.
const ADDED: &str = "\u{0}atoll:";
/// The export that is the start function.
pub(crate) const START: &str = "\u{0}atoll:start";

const IMPORTS: u8 = 2;
const MEMORIES: u8 = 5;
const EXPORTS: u8 = 7;
const START_SECTION: u8 = 8;

/// One import or export, as JavaScript is told.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Function,
    Table,
    Memory,
    Global { value: &'static str, mutable: bool },
}

impl Kind {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Table => "table",
            Self::Memory => "memory",
            Self::Global { .. } => "global",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) module: String,
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) struct Export {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Its index among all of its kind.
    pub(crate) index: u32,
}

/// Why bytes are no module.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Mistake {
    #[error(transparent)]
    Invalid(#[from] wasmparser::BinaryReaderError),
    /// It has a name that is ours.
    #[error("a name of an export begins with a zero byte and \"atoll:\"")]
    ReservedName,
}

/// What a module says of itself.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) imports: Vec<Import>,
    pub(crate) exports: Vec<Export>,
    pub(crate) custom: Vec<(String, Vec<u8>)>,
    /// Names of added exports of tables and of globals that hold references to JavaScript values.
    pub(crate) holders: Vec<String>,
    pub(crate) has_start: bool,
    /// Bytes of the longest function.
    pub(crate) longest_body: usize,
}

/// What both the interpreter and this file take for WebAssembly.
pub(crate) fn features() -> WasmFeatures {
    WasmFeatures::FLOATS
        | WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::GC_TYPES
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::MEMORY64
        | WasmFeatures::SIMD
        | WasmFeatures::RELAXED_SIMD
}

/// The sections of a module, as they are copied.
#[derive(Default)]
struct Sections<'a> {
    /// Number and content, in their order.
    all: Vec<(u8, &'a [u8])>,
    /// Memory types as they are written.
    memories: Vec<&'a [u8]>,
    start: Option<u32>,
    /// Kind and index of what is exported beside what the author exports.
    holders: Vec<(ExternalKind, u32)>,
}

/// Reads a module and rewrites it. Functions are left for the interpreter to validate.
pub(crate) fn read(bytes: &[u8]) -> Result<(Contents, Vec<u8>), Mistake> {
    let mut validator = Validator::new_with_features(features());
    let mut contents = Contents::default();
    let mut sections = Sections::default();
    let (mut tables, mut globals): (u32, Vec<Kind>) = (0, Vec::new());
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        if let ValidPayload::Func(_, body) = validator.payload(&payload)? {
            let length = body.as_bytes().len();
            contents.longest_body = contents.longest_body.max(length);
        }
        if let Some((number, range)) = payload.as_section() {
            sections.all.push((number, &bytes[range]));
        }
        match payload {
            Payload::ImportSection(reader) => {
                for import in reader {
                    let import = import?;
                    let kind = match import.ty {
                        TypeRef::Table(ty) => {
                            sections.hold_table(tables, ty.element_type);
                            tables += 1;
                            Kind::Table
                        }
                        TypeRef::Memory(_) => Kind::Memory,
                        TypeRef::Global(ty) => {
                            let kind = global(ty.content_type, ty.mutable);
                            sections.hold_global(globals.len(), &kind);
                            globals.push(kind.clone());
                            kind
                        }
                        _ => Kind::Function,
                    };
                    contents.imports.push(Import {
                        module: import.module.to_owned(),
                        name: import.name.to_owned(),
                        kind,
                    });
                }
            }
            Payload::TableSection(reader) => {
                for table in reader {
                    sections.hold_table(tables, table?.ty.element_type);
                    tables += 1;
                }
            }
            Payload::MemorySection(reader) => {
                let end = reader.range().end;
                let starts = reader
                    .into_iter_with_offsets()
                    .map(|memory| memory.map(|(offset, _)| offset))
                    .collect::<Result<Vec<_>, _>>()?;
                for (index, start) in starts.iter().enumerate() {
                    let end = starts.get(index + 1).copied().unwrap_or(end);
                    sections.memories.push(&bytes[*start..end]);
                }
            }
            Payload::GlobalSection(reader) => {
                for ty in reader {
                    let ty = ty?.ty;
                    let kind = global(ty.content_type, ty.mutable);
                    sections.hold_global(globals.len(), &kind);
                    globals.push(kind);
                }
            }
            Payload::ExportSection(reader) => {
                for export in reader {
                    let export = export?;
                    if export.name.starts_with(ADDED) {
                        return Err(Mistake::ReservedName);
                    }
                    let kind = match export.kind {
                        ExternalKind::Table => Kind::Table,
                        ExternalKind::Memory => Kind::Memory,
                        ExternalKind::Global => globals[export.index as usize].clone(),
                        _ => Kind::Function,
                    };
                    contents.exports.push(Export {
                        name: export.name.to_owned(),
                        kind,
                        index: export.index,
                    });
                }
            }
            Payload::StartSection { func, .. } => sections.start = Some(func),
            Payload::CustomSection(section) => contents
                .custom
                .push((section.name().to_owned(), section.data().to_vec())),
            _ => {}
        }
    }
    contents.has_start = sections.start.is_some();
    contents.holders = (0..sections.holders.len())
        .map(|index| format!("{ADDED}{index}"))
        .collect();
    Ok((contents, sections.rewritten()))
}

fn global(ty: ValType, mutable: bool) -> Kind {
    let value = match ty {
        ValType::I32 => "i32",
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        ValType::V128 => "v128",
        ValType::Ref(ty) if ty == RefType::EXTERNREF => "externref",
        ValType::Ref(_) => "anyfunc",
    };
    Kind::Global { value, mutable }
}

impl Sections<'_> {
    fn hold_table(&mut self, index: u32, element: RefType) {
        if element == RefType::EXTERNREF {
            self.holders.push((ExternalKind::Table, index));
        }
    }

    fn hold_global(&mut self, index: usize, kind: &Kind) {
        if let Kind::Global {
            value: "externref", ..
        } = kind
        {
            let index = u32::try_from(index).expect("a module is smaller than that");
            self.holders.push((ExternalKind::Global, index));
        }
    }

    fn rewritten(&self) -> Vec<u8> {
        let length: usize = self.all.iter().map(|(_, content)| content.len() + 6).sum();
        let mut out = Vec::with_capacity(length + 256);
        out.extend_from_slice(b"\0asm\x01\0\0\0");
        let imports: Vec<Vec<u8>> = self
            .memories
            .iter()
            .map(|ty| {
                let mut entry = Vec::new();
                text(&mut entry, ADDED);
                text(&mut entry, "");
                entry.push(2);
                entry.extend_from_slice(ty);
                entry
            })
            .collect();
        let mut exports: Vec<Vec<u8>> = Vec::new();
        let mut export = |name: &str, kind: u8, index: u32| {
            let mut entry = Vec::new();
            text(&mut entry, name);
            entry.push(kind);
            leb(&mut entry, index);
            exports.push(entry);
        };
        for (number, (kind, index)) in self.holders.iter().enumerate() {
            let kind = if *kind == ExternalKind::Table { 1 } else { 3 };
            export(&format!("{ADDED}{number}"), kind, *index);
        }
        if let Some(start) = self.start {
            export(START, 0, start);
        }
        let (mut has_imports, mut has_exports) = (imports.is_empty(), exports.is_empty());
        for (number, content) in &self.all {
            // Behind the types come imports; behind the globals, exports.
            if !matches!(number, 0..=IMPORTS) && !std::mem::replace(&mut has_imports, true) {
                section(&mut out, IMPORTS, &extended(&[0], &imports));
            }
            if matches!(number, START_SECTION..=12) && !std::mem::replace(&mut has_exports, true) {
                section(&mut out, EXPORTS, &extended(&[0], &exports));
            }
            match *number {
                IMPORTS if !imports.is_empty() => {
                    section(&mut out, IMPORTS, &extended(content, &imports));
                    has_imports = true;
                }
                EXPORTS if !exports.is_empty() => {
                    section(&mut out, EXPORTS, &extended(content, &exports));
                    has_exports = true;
                }
                MEMORIES | START_SECTION | 0 => {}
                number => section(&mut out, number, content),
            }
        }
        if !has_exports {
            section(&mut out, EXPORTS, &extended(&[0], &exports));
        }
        out
    }
}

/// The content of a section that is a list, with more entries.
fn extended(content: &[u8], more: &[Vec<u8>]) -> Vec<u8> {
    let (mut count, mut at, mut shift) = (0_u32, 0, 0);
    loop {
        let byte = content[at];
        count |= u32::from(byte & 0x7f) << shift;
        (at, shift) = (at + 1, shift + 7);
        if byte & 0x80 == 0 {
            break;
        }
    }
    let added = u32::try_from(more.len()).expect("a module is smaller than that");
    let mut out = Vec::with_capacity(content.len() + 64);
    leb(&mut out, count + added);
    out.extend_from_slice(&content[at..]);
    for entry in more {
        out.extend_from_slice(entry);
    }
    out
}

fn section(out: &mut Vec<u8>, number: u8, content: &[u8]) {
    out.push(number);
    let length = u32::try_from(content.len()).expect("a module is smaller than that");
    leb(out, length);
    out.extend_from_slice(content);
}

fn text(out: &mut Vec<u8>, text: &str) {
    leb(
        out,
        u32::try_from(text.len()).expect("a name that is short"),
    );
    out.extend_from_slice(text.as_bytes());
}

fn leb(out: &mut Vec<u8>, mut value: u32) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}
