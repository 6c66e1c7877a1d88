//! The command line. It is the only part of Atoll that prints, and it holds nothing that a user of the libraries would
//! miss: arguments in, calls to `bundle`, `host` and `gateway`, and words about what happened.

mod arguments;
mod bindings;
mod browsers;
mod commands;
mod control;
mod cron;
mod error;
mod fleet;
mod hints;
mod lines;
mod metrics;
mod models;
mod objects;
mod operator;
mod overrides;
mod packages;
mod powers;
mod report;
mod stored;
mod terminal;
mod told;
mod upstream;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};
use error::Error;

#[global_allocator]
static ALLOCATOR: isolate::Allocator = isolate::Allocator;

/// The argument that makes this program the process which isolates are forked from.
pub(crate) const ZYGOTE: &str = protocol::ZYGOTE_ARGUMENT;

/// The host's threads: one for two cores, since isolates need as many again. `TOKIO_WORKER_THREADS` says otherwise.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        builder.worker_threads(cores.div_ceil(2));
    }
    builder.enable_all().build()
}

/// Builds what was sent as strings, in a jailed process of its own.
fn build(step: isolate::BuildStep) {
    match step {
        isolate::BuildStep::GetReady => bundle::service::get_ready(),
        // The other side sees a socket that is closed, and says so.
        isolate::BuildStep::Build(socket) => drop(bundle::service::serve(socket)),
    }
}

fn main() -> ExitCode {
    // Before anything else: a zygote must have a single thread, and nothing open that it does not need.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == ZYGOTE)
    {
        // Whatever is the same for all is done before anything is forked.
        bundle::service::get_ready_to_transform();
        let reason = isolate::zygote_main(isolate::Bundler {
            prepare: bundle::prepare,
            transform: bundle::service::transform_here,
            build,
        });
        terminal::line(format_args!("the isolate process cannot start: {reason}"));
        return ExitCode::FAILURE;
    }
    let arguments = Arguments::parse();
    // Without that there are fewer connections, which is said when they come.
    let _ = jail::allow_descriptors();
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return Error::failed("cannot start", error).tell(),
    };
    let outcome = match arguments.command {
        Command::Run(arguments) => {
            let outcome = runtime.block_on(commands::run::run(arguments));
            runtime.shutdown_background();
            return outcome.unwrap_or_else(|error| error.tell());
        }
        Command::New(arguments) => commands::new::run(&arguments),
        Command::Install(arguments) => runtime.block_on(commands::install::run(arguments)),
        Command::Dev(arguments) => runtime.block_on(commands::dev::run(*arguments)),
        Command::Serve(arguments) => runtime.block_on(commands::serve::run(arguments)),
        Command::Secret(arguments) => commands::secret::run(arguments),
        Command::Logs(arguments) => runtime.block_on(commands::logs::run(arguments)),
        Command::Objects(arguments) => runtime.block_on(commands::objects::run(arguments)),
        Command::Model(arguments) => runtime.block_on(commands::model::run(arguments)),
        Command::Test(arguments) => runtime.block_on(commands::test::run(arguments)),
    };
    // Work that still waits for something must not hold the end of the program.
    runtime.shutdown_background();
    let code = match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // So that there is room for it.
            terminal::finish();
            error.tell()
        }
    };
    terminal::finish();
    code
}
