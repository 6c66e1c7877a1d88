//! The way back from a position in the program to the file that the user wrote.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::Excerpt;
use crate::text;

/// Maps positions of a program's modules to the project's files. Cheap to clone and to share.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    modules: Arc<HashMap<String, ModuleMap>>,
}

/// One module's mappings.
#[derive(Debug, Default)]
pub(crate) struct ModuleMap {
    /// Sorted by place; lines and columns counted from 0, columns in UTF-16 units.
    pub(crate) mappings: Vec<Mapping>,
    /// Paths relative to the project, and their text.
    pub(crate) sources: Vec<(String, Option<Arc<str>>)>,
    pub(crate) names: Vec<String>,
}

impl ModuleMap {
    /// The mappings of the lines from `first` to before `end`, for a module that consists of them.
    pub(crate) fn lines(&self, first: u32, end: u32) -> Self {
        let place = |line| self.mappings.partition_point(|mapping| mapping.line < line);
        let mut part = Self::default();
        let (mut sources, mut names) = (HashMap::new(), HashMap::new());
        part.mappings = self.mappings[place(first)..place(end)].to_vec();
        for mapping in &mut part.mappings {
            mapping.line -= first;
            mapping.source = *sources.entry(mapping.source).or_insert_with(|| {
                part.sources
                    .push(self.sources[mapping.source as usize].clone());
                part.sources.len() as u32 - 1
            });
            if let Some(name) = self.names.get(mapping.name as usize) {
                mapping.name = *names.entry(mapping.name).or_insert_with(|| {
                    part.names.push(name.clone());
                    part.names.len() as u32 - 1
                });
            }
        }
        part
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Mapping {
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) source: u32,
    pub(crate) source_line: u32,
    pub(crate) source_column: u32,
    /// An index into the names, or [`NO_NAME`].
    pub(crate) name: u32,
}

pub(crate) const NO_NAME: u32 = u32::MAX;

/// A place in one of the user's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file, relative to the project with `/`; above it, `../` leads there.
    pub path: String,
    /// Counted from 1.
    pub line: u32,
    /// In UTF-16 units, counted from 1.
    pub column: u32,
    /// The name that the place had in the source, when bundling changed it.
    pub name: Option<String>,
}

impl SourceMap {
    pub(crate) fn new(modules: HashMap<String, ModuleMap>) -> Self {
        Self {
            modules: Arc::new(modules),
        }
    }

    /// Where `line` and `column` (both counted from 1) of the program's `module` come from; `None`
    /// when they belong to no file.
    pub fn map_position(&self, module: &str, line: u32, column: u32) -> Option<Position> {
        let map = self.module(module)?;
        let (line, column) = (line.checked_sub(1)?, column.saturating_sub(1));
        let after = map
            .mappings
            .partition_point(|mapping| (mapping.line, mapping.column) <= (line, column));
        let before = after
            .checked_sub(1)
            .map(|index| map.mappings[index])
            .filter(|mapping| mapping.line == line);
        // An engine may point before the first mapping of a line: the line itself is still right.
        let mapping = before.or_else(|| {
            let first = map.mappings.get(after)?;
            (first.line == line).then_some(*first)
        })?;
        let (path, _) = map.sources.get(mapping.source as usize)?;
        Some(Position {
            path: path.clone(),
            line: mapping.source_line + 1,
            column: mapping.source_column + 1,
            name: map.names.get(mapping.name as usize).cloned(),
        })
    }

    /// Rewrites every place in the text of a stack (QuickJS's or V8's shape) that lies in one of
    /// the program's modules; all other text stays as it is.
    pub fn map_stack(&self, stack: &str) -> String {
        let mut mapped = String::with_capacity(stack.len());
        for (index, line) in stack.split('\n').enumerate() {
            if index > 0 {
                mapped.push('\n');
            }
            match self.map_frame(line) {
                Some(frame) => mapped.push_str(&frame),
                None => mapped.push_str(line),
            }
        }
        mapped
    }

    fn map_frame(&self, line: &str) -> Option<String> {
        let frame = frame(line)?;
        let position = self.place(&frame)?;
        Some(format!(
            "{}{}:{}:{}{}",
            &line[..frame.start],
            position.path,
            position.line,
            position.column,
            &line[frame.end..]
        ))
    }

    /// The first place of a stack that lies in the user's own files, not in a package.
    pub fn first_own_position(&self, stack: &str) -> Option<Position> {
        let positions = || {
            stack.split('\n').filter_map(|line| {
                let frame = frame(line)?;
                self.place(&frame)
            })
        };
        positions()
            .find(|position| !position.path.contains("node_modules/"))
            .or_else(|| positions().next())
    }

    /// Where a frame comes from. Of a loop at the top level of a module that calls nothing, the engine knows no place but
    /// the module's beginning, to which nothing is mapped where the bundler has put something of its own there: it means
    /// the first statement, where one file has them all.
    fn place(&self, frame: &Frame<'_>) -> Option<Position> {
        let exact = self.map_position(frame.module, frame.line, frame.column);
        exact.or_else(|| {
            let map = self.module(frame.module)?;
            let is_alone = (frame.line, frame.column) == (1, 1) && map.sources.len() == 1;
            let first = map.mappings.first().filter(|_| is_alone)?;
            self.map_position(frame.module, first.line + 1, first.column + 1)
        })
    }

    /// The user's own files that are part of the program.
    pub fn own_files(&self) -> Vec<&str> {
        let sources = self.modules.values().flat_map(|map| &map.sources);
        let paths = sources.map(|(path, _)| path.as_str());
        let mut own: Vec<&str> = paths
            .filter(|path| !path.contains("node_modules/"))
            .collect();
        own.sort_unstable();
        own.dedup();
        own
    }

    /// The first place in the user's own files, else in packages, where one of these texts is written.
    pub fn find(&self, texts: &[String]) -> Option<Position> {
        let sources = || self.modules.values().flat_map(|map| &map.sources);
        let place = |(path, content): &(String, Option<Arc<str>>)| {
            let content = content.as_deref()?;
            let at = texts.iter().find_map(|text| content.find(text.as_str()))?;
            let (line, column) = text::line_and_column(content, at);
            Some(Position {
                path: path.clone(),
                line,
                column,
                name: None,
            })
        };
        let in_package = |path: &str| path.contains("node_modules/");
        sources()
            .filter(|(path, _)| !in_package(path))
            .find_map(place)
            .or_else(|| sources().find_map(place))
    }

    /// The lines around a place, as they were when the program was built.
    pub fn excerpt(&self, path: &str, line: u32, column: Option<u32>) -> Option<Excerpt> {
        let text = self.modules.values().find_map(|map| {
            let (_, text) = map.sources.iter().find(|(source, _)| source == path)?;
            text.as_ref()
        })?;
        Excerpt::of(text, line, column)
    }

    fn module(&self, name: &str) -> Option<&ModuleMap> {
        self.modules.get(name).or_else(|| {
            let name = name.strip_prefix("file://").unwrap_or(name);
            self.modules.get(name.trim_start_matches(['.', '/']))
        })
    }
}

/// The place that a line of a stack names.
struct Frame<'a> {
    module: &'a str,
    line: u32,
    column: u32,
    start: usize,
    end: usize,
}

/// `at name (module:line:column)`, `at module:line:column`, `name@module:line:column`.
fn frame(text: &str) -> Option<Frame<'_>> {
    let trimmed = text.trim_end();
    let end = trimmed.strip_suffix(')').map_or(trimmed.len(), str::len);
    let (rest, column) = trailing_number(&text[..end])?;
    let (module_end, line) = match trailing_number(rest) {
        Some((module, line)) => (module.len(), line),
        // A frame without a column.
        None => return frame_at(text, rest.len(), end, column, 1),
    };
    frame_at(text, module_end, end, line, column)
}

fn frame_at(
    text: &str,
    module_end: usize,
    end: usize,
    line: u32,
    column: u32,
) -> Option<Frame<'_>> {
    let before = &text[..module_end];
    let start = if text[end..].starts_with(')') {
        before.rfind('(')? + 1
    } else if let Some(at) = before.rfind("at ") {
        at + 3
    } else {
        before.rfind('@')? + 1
    };
    Some(Frame {
        module: &text[start..module_end],
        line,
        column,
        start,
        end,
    })
}

/// Splits `…:12` into what stands before the colon and the number.
fn trailing_number(text: &str) -> Option<(&str, u32)> {
    let (before, digits) = text.rsplit_once(':')?;
    Some((before, digits.parse().ok()?))
}

/// Mappings of a text to itself, fine enough for every name in it.
pub(crate) fn identity(source: &str) -> Vec<Mapping> {
    let mut mappings = Vec::new();
    for (line, text) in (0..).zip(source.split('\n')) {
        let mut column = 0;
        let mut was_word = false;
        for (index, character) in text.char_indices() {
            let is_word = character.is_alphanumeric() || matches!(character, '_' | '$');
            if index == 0 || !is_word || !was_word {
                mappings.push(Mapping {
                    line,
                    column,
                    source: 0,
                    source_line: line,
                    source_column: column,
                    name: NO_NAME,
                });
            }
            was_word = is_word;
            column += character.len_utf16() as u32;
        }
    }
    mappings
}
