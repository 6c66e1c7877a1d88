//! Runs figures one after the other, Atoll and its peer in turn, each with a limit on its time.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;

use crate::figure::{Figure, Row, Sample, Side};
use crate::server::{Server, Setup};
use crate::table;

/// How much is done for a figure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Rounds of a figure; the one in the middle counts.
    pub(crate) rounds: usize,
    /// Rounds of one that mostly waits.
    pub(crate) slow_rounds: usize,
    /// How long a server is loaded in one round.
    pub(crate) round: Duration,
    /// Named workers that come and go.
    pub(crate) names: usize,
}

impl Effort {
    pub(crate) const FULL: Self = Self {
        rounds: 3,
        slow_rounds: 3,
        round: Duration::from_secs(3),
        names: 10_000,
    };
    /// For a look; what it says is less certain.
    pub(crate) const QUICK: Self = Self {
        rounds: 3,
        slow_rounds: 1,
        round: Duration::from_millis(800),
        names: 2000,
    };
}

/// Everything that runs, and what came out.
pub(crate) struct Bench {
    pub(crate) atoll: PathBuf,
    pub(crate) workerd: Option<PathBuf>,
    pub(crate) effort: Effort,
    /// Only figures with this in their name.
    pub(crate) word: String,
    /// The parts of the table that are done, with their titles.
    pub(crate) parts: Vec<(&'static str, Vec<Row>)>,
}

impl Bench {
    /// What comes now belongs together.
    pub(crate) fn part(&mut self, title: &'static str) {
        self.parts.push((title, Vec::new()));
    }

    /// Whether somebody wants to know this figure.
    pub(crate) fn wants(&self, figure: &Figure) -> bool {
        figure.name.contains(&self.word)
    }

    /// Writes a figure down, and shows it.
    pub(crate) fn add(&mut self, figure: Figure, ours: Side, theirs: Option<Side>) {
        if !self.wants(&figure) {
            return;
        }
        let row = Row {
            figure,
            ours,
            theirs,
        };
        if let Some((title, rows)) = self.parts.last_mut() {
            if rows.is_empty() {
                table::show_title(title);
            }
            table::show(&row);
            rows.push(row);
        }
    }

    /// Both sides on a worker, in turn so that what else the machine does meets both. One round may take `patience`; a side
    /// that fails is not tried again, and its line says why.
    pub(crate) async fn compare(
        &mut self,
        figure: Figure,
        setup: &Setup,
        rounds: usize,
        patience: Duration,
        measure: impl AsyncFn(&Server) -> anyhow::Result<Sample>,
    ) {
        if !self.wants(&figure) {
            return;
        }
        let mut ours = Side::default();
        let mut theirs = self.workerd.as_ref().map(|_| Side::default());
        for _ in 0..rounds {
            if ours.failure.is_none() {
                let round =
                    async { look(Server::atoll(&self.atoll, setup).await?, &measure).await };
                ours.add(within(patience, round).await);
            }
            if let (Some(workerd), Some(theirs)) = (&self.workerd, &mut theirs)
                && theirs.failure.is_none()
            {
                let round = async { look(Server::workerd(workerd, setup).await?, &measure).await };
                theirs.add(within(patience, round).await);
            }
        }
        self.add(figure, ours, theirs);
    }
}

/// Measures, and looks at the memory of the server that it was done to.
async fn look(
    server: Server,
    measure: &impl AsyncFn(&Server) -> anyhow::Result<Sample>,
) -> anyhow::Result<Sample> {
    let mut sample = measure(&server).await?;
    sample.memory_mb = sample.memory_mb.or_else(|| server.memory());
    Ok(sample)
}

/// What is done within a time, or an error that says that it is not.
pub(crate) async fn within<T>(
    patience: Duration,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    match tokio::time::timeout(patience, work).await {
        Ok(done) => done,
        Err(_) => bail!("nothing after {} s", patience.as_secs()),
    }
}

/// The value in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
