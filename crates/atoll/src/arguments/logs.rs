//! What can be typed after `atoll logs`.

use std::path::PathBuf;

use clap::Args;

/// What there is to know about it.
pub(crate) const HELP: &str = "\
Workers' consoles are kept under `atoll dev` and `atoll serve`. The audit has each decision of an egress policy, and what \
dynamic workers use of loaders for which `atoll.jsonc` says \"loaders\": { \"LOADER\": { \"audit\": true } }: which worker, \
a hash of its code, the capability, method or URL, outcome, bytes, time, processor time.

Examples:
  atoll logs --follow
  atoll logs --audit --outcome refused
  atoll logs --audit --json | jq .target";

#[derive(Args, Debug)]
pub(crate) struct Logs {
    /// Go on with what comes
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only what was used, not what was logged
    #[arg(long)]
    pub(crate) audit: bool,
    /// Only of workers whose name has this in it
    #[arg(long, value_name = "TEXT")]
    pub(crate) worker: Option<String>,
    /// Only uses of capabilities whose description has this in it
    #[arg(long, value_name = "TEXT")]
    pub(crate) capability: Option<String>,
    /// Only of this outcome: ok, refused, failed, threw, broken, cancelled, lost
    #[arg(long, value_name = "OUTCOME")]
    pub(crate) outcome: Option<String>,
    /// Only code whose hash begins like this
    #[arg(long, value_name = "HASH")]
    pub(crate) code: Option<String>,
    /// How many lines of the past
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 100)]
    pub(crate) lines: usize,
    /// Write the lines as they are kept: JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// A wrangler.jsonc, .json or .toml, or its folder [default: this folder, or the next above it that has one]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder of state [default: .atoll/state beside the configuration]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) persist_to: Option<PathBuf>,
}
