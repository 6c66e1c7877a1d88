//! A project that is built again and again gives what it would give if it were built for the first time.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bundle::{Builder, Built, Mode};

use protocol::ModuleKind;

use crate::support::{Folder, build, names, run_in_node, text};

/// A package that is large enough to be kept apart, and one whose every shape is its own.
fn packages() -> Vec<(String, String)> {
    let mut large = String::new();
    for number in 0..1500 {
        let _ = writeln!(
            large,
            "export function large{number}(value) {{ return value + {number}; }}\nsink(large{number});"
        );
    }
    let large = format!(
        "const sunk = [];\nfunction sink(f) {{ sunk.push(f); }}\nexport let count = 0;\nexport function more() {{ count += 1; return count; }}\n{large}"
    );
    let file = |name: &str, text: &str| (format!("node_modules/{name}"), text.to_owned());
    vec![
        file(
            "large/package.json",
            r#"{"name":"large","module":"index.js"}"#,
        ),
        file("large/index.js", &large),
        file(
            "common/package.json",
            r#"{"name":"common","main":"index.js"}"#,
        ),
        file(
            "common/index.js",
            "console.log('common'); exports.hex = (n) => n.toString(16); exports.name = 'common';",
        ),
        file(
            "late/package.json",
            r#"{"name":"late","module":"index.js"}"#,
        ),
        file(
            "late/index.js",
            "console.log('late'); export const late = 'late'; export default class Late {}",
        ),
    ]
}

const MAIN: &str = "import { more, count, large3 } from 'large';\nimport common from 'common';\nimport { first } from './first';\n\
    import { late } from 'late';\nimport { second } from './second';\n\
    console.log(first(), second(), common.hex(large3(20)), late, more(), count);\nexport default {};\n";

fn project() -> Folder {
    let files = packages();
    let mut files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    files.extend([
        ("src/main.ts", MAIN),
        ("src/first.ts", "import { name } from 'common';\nconsole.log('first');\nexport const first = () => name + 1;\n"),
        ("src/second.ts", "console.log('second');\nexport const second = (): number => 2;\n"),
        ("src/other.ts", "export const other = 'other';\n"),
        ("src/note.txt", "a note"),
    ]);
    Folder::worker("src/main.ts", &files)
}

/// One project, its builder, and a clock for its files: what is written while a build runs counts as unknown.
struct Edited {
    folder: Folder,
    builder: Builder,
    time: SystemTime,
}

impl Edited {
    /// The project after its first build.
    fn new(folder: Folder) -> Self {
        let mut edited = Self {
            builder: folder.builder().unwrap(),
            folder,
            time: SystemTime::now() - Duration::from_secs(10_000),
        };
        edited.age(edited.folder.path());
        let first = build(&mut edited.builder).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(first.packages, [""; 0], "the first build is not cut");
        edited
    }

    fn age(&self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.age(&path);
            }
            self.set_time(&path);
        }
        self.set_time(folder);
    }

    fn set_time(&self, path: &Path) {
        let file = std::fs::File::open(path).unwrap();
        file.set_modified(self.time).unwrap();
    }

    fn write(&mut self, name: &str, text: &str) {
        self.folder.write(name, text);
        self.time += Duration::from_secs(1);
        let path = self.folder.path().join(name);
        for path in path.ancestors() {
            self.set_time(path);
            if path == self.folder.path() {
                break;
            }
        }
    }

    /// Builds, and compares with what a builder gives that has not seen the files as they were. Says what runs.
    fn build(&mut self, is_partial: bool) -> (Built, String) {
        let (built, output) = self.build_somehow();
        assert_eq!(built.timing.is_partial, is_partial);
        (built, output)
    }

    fn build_somehow(&mut self) -> (Built, String) {
        let built = build(&mut self.builder).unwrap_or_else(|error| panic!("{error}"));
        let mut fresh = self.folder.builder().unwrap();
        let whole = build(&mut fresh).unwrap();
        let again = build(&mut fresh).unwrap();
        assert_eq!(names(&built), names(&again));
        for name in names(&built) {
            assert!(text(&built, name) == text(&again, name), "{name} differs");
        }
        assert_eq!(built.packages, again.packages);
        let is_forgotten = |file: &&std::path::PathBuf| !built.watched.contains(file);
        assert_eq!(again.watched.iter().find(is_forgotten), None);
        // Node knows no text modules.
        let is_code = built
            .program
            .modules
            .iter()
            .all(|module| module.kind == ModuleKind::EsModule);
        let (output, expected) = match is_code {
            true => (run_in_node(&built), run_in_node(&whole)),
            false => (None, None),
        };
        assert_eq!(output, expected);
        (built, output.unwrap_or_default())
    }
}

#[test]
fn a_bundle_in_parts_does_the_same_in_the_same_order() {
    let mut project = Edited::new(project());
    let (built, output) = project.build(true);
    assert_eq!(
        names(&built),
        [
            "index-0.js",
            "index-1.js",
            "index-2.js",
            "index-3.js",
            "index.js"
        ]
    );
    assert_eq!(built.packages, ["index-0.js", "index-2.js"]);
    if !output.is_empty() {
        assert_eq!(
            output,
            "common\nfirst\nlate\nsecond\ncommon1 2 17 late 1 1\n"
        );
    }
    // Places in each part lead to the files that they are from.
    let second = text(&built, "index-3.js");
    let line = second
        .lines()
        .position(|line| line.contains("\"second\""))
        .unwrap();
    let place = built
        .source_map
        .map_position("index-3.js", line as u32 + 1, 1)
        .unwrap();
    assert_eq!((place.path.as_str(), place.line), ("src/second.ts", 1));
}

#[test]
fn edits_give_what_a_build_from_the_beginning_gives() {
    let mut project = Edited::new(project());
    let packages = project.build(true).0.packages;
    let mut edit = |file: &str, text: &str, is_partial: bool, expected: &str| {
        project.write(file, text);
        let (built, output) = project.build(is_partial);
        let last = output.lines().last().unwrap_or(expected);
        assert_eq!(last, expected, "{file}: {text}");
        built
    };
    let second = "src/second.ts";
    let built = edit(
        second,
        "console.log('second');\nexport const second = (): number => 3;\n",
        true,
        "common1 3 17 late 1 1",
    );
    assert_eq!(built.packages, packages);
    // A constant may have been written where it is used.
    edit(
        second,
        "export const second = (): string => HERE;\nconst HERE = 'here';\n",
        true,
        "common1 here 17 late 1 1",
    );
    edit(
        second,
        "import { other } from './other';\nexport const second = (): string => other;\n",
        true,
        "common1 other 17 late 1 1",
    );
    edit(
        "src/other.ts",
        "export const other: string = 'another';\n",
        true,
        "common1 another 17 late 1 1",
    );
    edit(
        "src/other.ts",
        "export enum other { a = 'enum' }\n",
        true,
        "common1 { a: 'enum' } 17 late 1 1",
    );
    edit(
        "src/other.ts",
        "export let other = 1;\nother += 1;\n",
        true,
        "common1 2 17 late 1 1",
    );
    // Nobody wants a module any more; it changes meanwhile, and somebody wants it again.
    edit(
        second,
        "export const second = () => 4;\n",
        true,
        "common1 4 17 late 1 1",
    );
    edit(
        "src/other.ts",
        "export const other = 'changed';\n",
        true,
        "common1 4 17 late 1 1",
    );
    edit(
        second,
        "import { other } from './other';\nexport const second = () => other;\n",
        true,
        "common1 changed 17 late 1 1",
    );
    // Something else of a package is needed, which is then another text.
    edit(
        second,
        "import { large7, large9 } from 'large';\nexport const second = () => large7(1);\n",
        true,
        "common1 8 17 late 1 1",
    );
    edit(
        second,
        "import { large7, large9 } from 'large';\nexport const second = () => large7(large9(1));\n",
        true,
        "common1 17 17 late 1 1",
    );
    edit(
        second,
        "import note from './note.txt';\nexport const second = () => note;\n",
        true,
        "common1 a note 17 late 1 1",
    );
    edit(
        "src/note.txt",
        "another note",
        true,
        "common1 another note 17 late 1 1",
    );
    edit(
        second,
        "export const second = () => 5;\nexport const later = () => import('./other');\n",
        false,
        "common1 5 17 late 1 1",
    );
    edit(
        second,
        "export const second = () => 6;\n",
        false,
        "common1 6 17 late 1 1",
    );
    // A file that comes between an import and what it led to.
    edit(
        "src/first/index.ts",
        "export const first = () => 'folder';\n",
        false,
        "common1 6 17 late 1 1",
    );
    edit(
        "src/first.mts",
        "export const first = () => 'other';\n",
        false,
        "common1 6 17 late 1 1",
    );
    // Packages, and the files that say what they are.
    edit(
        "node_modules/late/index.js",
        "export const late = 'later';\n",
        false,
        "common1 6 17 later 1 1",
    );
    edit(
        "node_modules/late/new.js",
        "export const late = 'new';\n",
        false,
        "common1 6 17 later 1 1",
    );
    edit(
        "node_modules/late/package.json",
        r#"{"name":"late","module":"new.js"}"#,
        false,
        "common1 6 17 new 1 1",
    );
    edit(
        "tsconfig.json",
        r#"{ "compilerOptions": { "paths": { "late": ["./src/own.ts"] } } }"#,
        false,
        "common1 6 17 new 1 1",
    );
    edit(
        "src/own.ts",
        "export const late = 'own';\n",
        false,
        "common1 6 17 own 1 1",
    );
    edit(
        "src/own.ts",
        "export const late = 'mine';\n",
        true,
        "common1 6 17 mine 1 1",
    );
}

#[test]
fn a_mistake_and_its_mending_are_seen() {
    let mut project = Edited::new(project());
    project.build(true);
    project.write("src/second.ts", "export const second = () => {;\n");
    let error = build(&mut project.builder).expect_err("it does not parse");
    assert!(
        error.diagnostics[0]
            .path
            .as_ref()
            .unwrap()
            .ends_with("src/second.ts")
    );
    project.write("src/second.ts", "export const third = () => 7;\n");
    let error = build(&mut project.builder).expect_err("an export is missing");
    assert!(error.to_string().contains("second"), "{error}");
    project.write("src/second.ts", "export const second = () => 7;\n");
    project.build(false);
    project.write("src/second.ts", "export const second = () => 8;\n");
    let (_, output) = project.build(true);
    assert!(
        output.is_empty() || output.ends_with("common1 8 17 late 1 1\n"),
        "{output}"
    );
}

#[test]
fn what_cannot_be_cut_stays_whole_or_loses_only_its_beginning() {
    // Two own modules that need each other, with a package between them.
    let mut project = Edited::new(project());
    project.write(
        "src/second.ts",
        "import { first } from './first';\nexport const second = () => typeof first;\n",
    );
    project.write(
        "src/first.ts",
        "import { second } from './second';\nimport { late } from 'late';\nexport const first = () => late + second();\n",
    );
    let (built, output) = project.build(true);
    assert_eq!(built.packages, ["index-0.js"]);
    assert!(
        output.is_empty() || output.contains("latefunction function 17 late 1 1"),
        "{output}"
    );
    // A module that waits would let others go first.
    project.write(
        "src/first.ts",
        "await null;\nexport const first = () => 1;\n",
    );
    let (built, _) = project.build_somehow();
    assert_eq!(names(&built), ["index.js"]);
}

#[test]
fn production_is_neither_cut_nor_kept() {
    let folder = project();
    let mut builder = Builder::new(folder.load().unwrap().project, Mode::Production);
    for _ in 0..2 {
        let built = build(&mut builder).unwrap();
        assert_eq!(names(&built), ["index.js"]);
        assert!(built.packages.is_empty() && !built.timing.is_partial);
    }
}

/// Numbers that look as if they came by chance, and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) % most
    }

    fn one_in(&mut self, most: u64) -> bool {
        self.below(most) == 0
    }
}

const MODULES: u64 = 6;
const STEPS: u64 = 30;

/// A module that imports some of the others and of the packages, each in some way, and whose own names are those of all others.
fn module(chance: &mut Chance, number: u64) -> String {
    let mut imports = Vec::new();
    let mut values = Vec::new();
    for other in (0..MODULES).filter(|other| *other != number) {
        let (from, value) = (format!("'./m{other}'"), format!("v{other}"));
        match chance.below(9) {
            0 => imports.push(format!("import {{ name as {value} }} from {from};")),
            1 => imports.push(format!("import * as {value} from {from};")),
            2 => imports.push(format!("import {value} from {from};")),
            3 => {
                imports.push(format!("import {from};"));
                continue;
            }
            4 => {
                imports.push(format!("export {{ name as from{other} }} from {from};"));
                continue;
            }
            _ => continue,
        }
        values.push(format!("typeof {value}"));
    }
    let packages = [
        format!(
            "import {{ large{} as value }} from 'large';",
            chance.below(20)
        ),
        "import { late as value } from 'late';".to_owned(),
        "import value from 'common';".to_owned(),
        "import { hex as value } from 'common';".to_owned(),
        "import { more as value } from 'large';".to_owned(),
    ];
    if chance.one_in(2) {
        let index = usize::try_from(chance.below(packages.len() as u64)).unwrap();
        imports.push(packages[index].clone());
        values.push("typeof value".to_owned());
    }
    if chance.one_in(2) {
        imports.reverse();
    }
    let values = values.join(", ");
    format!(
        "{}\nconst helper = () => [{values}];\nexport function name() {{ return `m{number} ${{helper()}}`; }}\n\
         export default class Own {{ static a = helper; }}\nconsole.log('m{number}');\n",
        imports.join("\n")
    )
}

/// A program that wants some of the modules and packages, so that others are left over.
fn main_of(chance: &mut Chance) -> String {
    let wanted: Vec<u64> = (0..MODULES).filter(|_| !chance.one_in(3)).collect();
    let mut imports: Vec<String> = wanted
        .iter()
        .map(|number| format!("import {{ name as name{number} }} from './m{number}';"))
        .collect();
    for package in [
        "import * as large from 'large';",
        "import 'common';",
        "import 'late';",
    ] {
        if !chance.one_in(3) {
            imports.push(package.to_owned());
        }
    }
    if chance.one_in(2) {
        imports.reverse();
    }
    let calls = wanted
        .iter()
        .map(|number| format!("console.log(name{number}());\n"));
    format!(
        "{}\n{}export default {{}};\n",
        imports.join("\n"),
        calls.collect::<String>()
    )
}

#[test]
fn imports_come_and_go_as_they_do_from_the_beginning() {
    let seeds: Vec<u64> = match std::env::var("ATOLL_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => vec![1, 2],
    };
    for seed in seeds {
        let mut chance = Chance(seed);
        let mut folder = packages();
        for number in 0..MODULES {
            let text = module(&mut chance, number);
            folder.push((format!("src/m{number}.ts"), text));
        }
        folder.push(("src/main.ts".to_owned(), main_of(&mut chance)));
        let files: Vec<(&str, &str)> = folder
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        let mut project = Edited::new(Folder::worker("src/main.ts", &files));
        project.build(true);
        // Now and then there is a mistake in what came out, and a build from the beginning tells it.
        let mut whole = Vec::new();
        for step in 0..STEPS {
            let number = chance.below(MODULES + 2);
            let (name, text) = match number < MODULES {
                true => (format!("src/m{number}.ts"), module(&mut chance, number)),
                false => ("src/main.ts".to_owned(), main_of(&mut chance)),
            };
            project.write(&name, &text);
            let (built, _) = project.build_somehow();
            if !built.timing.is_partial {
                whole.push((step, name));
            }
        }
        assert!((whole.len() as u64) < STEPS / 4, "seed {seed}: {whole:?}");
    }
}
