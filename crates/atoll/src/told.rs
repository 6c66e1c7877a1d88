//! What the libraries report by themselves, told to people: a disk that fails, no descriptor for another connection, an
//! isolate that was ended for what it did.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::arguments::LogLevel;
use crate::terminal;

/// Whose reports a person can do something about.
const OWN: [&str; 7] = [
    "atoll", "gateway", "host", "jail", "model", "npm", "storage",
];

/// Begins to tell what is at least as important as `level`.
pub(crate) fn begin(level: LogLevel) {
    let begun = match level {
        LogLevel::None => return,
        LogLevel::Debug => tracing_subscriber::fmt()
            .with_env_filter("debug,notify=info,h2=info,hyper=info,rolldown=info")
            .with_writer(|| terminal::Raw)
            .try_init(),
        level => {
            let least = match level {
                LogLevel::Error => LevelFilter::ERROR,
                _ => LevelFilter::WARN,
            };
            let own = Targets::new().with_targets(OWN.map(|name| (name, least)));
            let told = tracing_subscriber::registry().with(Told.with_filter(own));
            told.try_init().map_err(Into::into)
        }
    };
    // Another command of the same process has begun.
    drop(begun);
}

struct Told;

impl<S: Subscriber> Layer<S> for Told {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut words = Words::default();
        event.record(&mut words);
        if *event.metadata().level() == Level::ERROR {
            terminal::error(words);
        } else {
            terminal::warning(words);
        }
    }
}

/// A message, and after it what else there is to say.
#[derive(Default)]
struct Words {
    message: String,
    rest: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            "error" | "reason" => write!(self.rest, ": {value:?}"),
            name => write!(self.message, " ({name} {value:?})"),
        };
        written.expect("a string takes all that is written");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

impl fmt::Display for Words {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.message, self.rest)
    }
}
