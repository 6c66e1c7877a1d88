//! What can be typed after `atoll secret`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What there is to know about all of its commands.
pub(crate) const HELP: &str = "\
Secrets are for egress policies, which set them as headers on their way out: no worker sees them. A worker's `env` has one \
only where the worker's configuration says so (`secrets.required`). They are sealed with a key that is made with the first \
secret, in $XDG_CONFIG_HOME/atoll/key unless --key-file or ATOLL_KEY_FILE says otherwise. Keep a copy of that file.

Examples:
  atoll secret put GITHUB_TOKEN --file token.txt
  printenv GITHUB_TOKEN | atoll secret put GITHUB_TOKEN
  atoll secret list
  atoll secret delete GITHUB_TOKEN";

#[derive(Args, Debug)]
pub(crate) struct Secret {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// A wrangler.jsonc, .json or .toml, or its folder [default: this folder, or the next above it that has one]
    #[arg(short, long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// The folder of state [default: .atoll/state beside the configuration]
    #[arg(long, value_name = "FOLDER", global = true)]
    pub(crate) persist_to: Option<PathBuf>,
    /// The file with the key [default: $ATOLL_KEY_FILE, or $XDG_CONFIG_HOME/atoll/key]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) key_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Keep a secret, from a file or from standard input; one line break at its end is not part of it
    Put {
        /// Letters, digits and underscores
        name: String,
        /// The file with the value [default: standard input]
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// List names, and when each was put
    List {
        /// Write JSON to standard output
        #[arg(long)]
        json: bool,
    },
    /// Forget a secret
    Delete {
        /// Its name
        name: String,
    },
}
