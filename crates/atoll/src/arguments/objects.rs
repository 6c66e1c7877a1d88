//! What can be typed after `atoll objects`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What there is to know about all of its commands.
pub(crate) const HELP: &str = "\
An object is named by its class and its name: `Room lobby`. Its id of 64 hexadecimal digits stands for the name as well, and \
is what tells objects of several jurisdictions apart. Where several workers have a class of that name, `WORKER:CLASS` says \
which is meant. A facet is named by the class and the name of the object that it belongs to, and its path there: \
`Room lobby/notes`. Letters that no shell likes stand there as %2f; `list` shows what to type.

Everything works while `atoll dev` or `atoll serve` runs, and without.

Examples:
  atoll objects list
  atoll objects show Room lobby
  atoll objects sql Room lobby 'SELECT * FROM messages LIMIT 5'
  atoll objects export Room lobby -o lobby.sqlite
  atoll objects restore Room lobby --to '10m ago'";

const MOMENTS: &str = "\
A moment is a time (2026-11-24T08:00:00Z; without a zone it is local: '2026-11-24 09:00'), how long ago it was \
('10m ago', '2 hours ago', '3d ago'), or a bookmark as `show` and `restore` tell them.";

#[derive(Args, Debug)]
pub(crate) struct Objects {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Args, Debug)]
pub(crate) struct Place {
    /// A wrangler.jsonc, .json or .toml, or its folder [default: this folder, or the next above it that has state]
    #[arg(short, long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Where the objects keep their state [default: .atoll/state beside the configuration]
    #[arg(long, value_name = "FOLDER", global = true)]
    pub(crate) persist_to: Option<PathBuf>,
    /// Write JSON to standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List objects: name, size, alarm, last change, awake or not
    #[command(after_help = "Examples:\n  atoll objects list\n  atoll objects list Room --json")]
    List {
        /// Only objects of this class
        class: Option<String>,
    },
    /// Show one object: its tables, keys, alarm and bookmark
    #[command(after_help = "Examples:\n  atoll objects show Room lobby")]
    Show {
        #[command(flatten)]
        object: Object,
    },
    /// Query an object's database, read-only, in a jail of its own
    #[command(
        after_help = "Examples:\n  atoll objects sql Room lobby 'SELECT count(*) FROM messages'\n  \
                      atoll objects sql Room lobby 'SELECT * FROM messages' --limit 0 --json"
    )]
    Sql {
        #[command(flatten)]
        object: Object,
        /// The query; `-` reads it from standard input
        query: String,
        /// The most rows to show; 0 shows all
        #[arg(long, default_value_t = 1000, value_name = "ROWS")]
        limit: u64,
    },
    /// Write an object into one SQLite file
    #[command(after_help = format!(
        "{MOMENTS}\n\nExamples:\n  atoll objects export Room lobby\n  \
         atoll objects export Room lobby -o before.sqlite --at '1h ago'"
    ))]
    Export {
        #[command(flatten)]
        object: Object,
        /// The file to write; `-` is standard output [default: NAME.sqlite]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// As it was at this moment
        #[arg(long, value_name = "MOMENT")]
        at: Option<String>,
        /// Replace the file if there is one
        #[arg(long)]
        force: bool,
    },
    /// Make an object from a SQLite file, or from an object's file of workerd or miniflare
    #[command(
        after_help = "The file has pages of 4096 bytes. What is in a write-ahead log beside it is taken along, and the \
                      file stays as it is.\nKeys and values that workerd wrote can be read; alarms are not taken along, \
                      as workerd keeps them in another file.\n\nExamples:\n  atoll objects import Room lobby \
                      lobby.sqlite\n  atoll objects import Room lobby .wrangler/state/v3/do/chat-Room/4f…c2.sqlite"
    )]
    Import {
        #[command(flatten)]
        object: Object,
        /// The file to read
        file: PathBuf,
    },
    /// Take an object back to how it was
    #[command(after_help = format!(
        "{MOMENTS}\n\nThe object is reset when it runs. Its alarm goes back too. This can be undone: it tells how.\n\n\
         Examples:\n  atoll objects restore Room lobby --to '10m ago'\n  \
         atoll objects restore Room lobby --to 2026-11-24T08:00:00Z"
    ))]
    Restore {
        #[command(flatten)]
        object: Object,
        /// The moment to go back to
        #[arg(long, value_name = "MOMENT")]
        to: String,
    },
    /// Copy an object under another name
    #[command(after_help = format!(
        "{MOMENTS}\n\nIts alarm is not copied.\n\nExamples:\n  atoll objects fork Room lobby lobby-copy\n  \
         atoll objects fork Room lobby lobby-yesterday --at '1d ago'"
    ))]
    Fork {
        #[command(flatten)]
        object: Object,
        /// The name of the copy
        new_name: String,
        /// The class of the copy [default: the same]
        #[arg(long, value_name = "CLASS")]
        to_class: Option<String>,
        /// As it was at this moment
        #[arg(long, value_name = "MOMENT")]
        at: Option<String>,
    },
    /// Delete an object for good, with its facets and its history
    #[command(
        after_help = "Examples:\n  atoll objects delete Room lobby\n  atoll objects delete Room lobby --yes"
    )]
    Delete {
        #[command(flatten)]
        object: Object,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Object {
    /// CLASS or WORKER:CLASS
    pub(crate) class: String,
    /// The object's name or id
    pub(crate) name: String,
}
