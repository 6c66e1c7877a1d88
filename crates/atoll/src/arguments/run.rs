//! What can be typed after `atoll run`.

use std::path::PathBuf;

use clap::Args;

/// What there is to know about it.
pub(crate) const HELP: &str = "\
The script is a module in TypeScript or JavaScript. Its default export is called with (input, env); it may be asynchronous, \
and `run` will do as the export's name. A default export that is no function is the result itself. The script runs in a \
jail: it reaches what --allow gives it and nothing else. The result goes to standard output as JSON, what it logs to \
standard error.

  --allow NAME=POLICY gives it env.NAME.fetch(), as an egress policy of atoll.jsonc allows it, or, when POLICY is a URL, \
for GET requests to what is below that URL. NAME `fetch` stands for the global fetch().

Exit codes:
  0   there is a result
  1   the script failed: it threw, does not parse, or waits for what never comes
  2   wrong arguments, or a mistake in atoll.jsonc
  3   a limit ended it
  70  a fault of Atoll itself

Examples:
  echo 'export default (input) => input.a + 1' | atoll run - --input '{\"a\": 41}'
  atoll run report.ts --allow GITHUB=github --cpu-ms 500 --memory-mb 64
  atoll run page.ts --allow SITE=https://example.com/";

#[derive(Args, Debug)]
pub(crate) struct Run {
    /// The script, or - for standard input
    pub(crate) file: PathBuf,
    /// Something that it may reach
    #[arg(long, value_name = "NAME=POLICY", value_parser = allow)]
    pub(crate) allow: Vec<(String, String)>,
    /// What it is called with; without it, null
    #[arg(long, value_name = "JSON")]
    pub(crate) input: Option<String>,
    /// Processor time, in milliseconds
    #[arg(long, value_name = "N", default_value_t = 30_000)]
    pub(crate) cpu_ms: u32,
    /// JavaScript heap, in MiB
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    pub(crate) memory_mb: u64,
    /// Time until the result, in milliseconds [default: no limit]
    #[arg(long, value_name = "N")]
    pub(crate) wall_ms: Option<u32>,
    /// Write down what it uses, for `atoll logs --audit`
    #[arg(long)]
    pub(crate) audit: bool,
    /// The folder with atoll.jsonc [default: this folder]
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) config: Option<PathBuf>,
    /// The folder of state, where secrets are [default: .atoll/state beside the configuration]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) persist_to: Option<PathBuf>,
    /// The file with the key of the secrets [default: $ATOLL_KEY_FILE, or $XDG_CONFIG_HOME/atoll/key]
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

fn allow(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, policy)) if !name.is_empty() && !policy.is_empty() => {
            Ok((name.to_owned(), policy.to_owned()))
        }
        _ => Err("it has the form NAME=POLICY".to_owned()),
    }
}
