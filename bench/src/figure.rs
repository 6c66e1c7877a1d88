//! One line of the table: what is measured, what it has to reach, and what came out.

/// What is measured.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// With its unit.
    pub(crate) name: String,
    /// Whether more is better; else less is.
    pub(crate) more: bool,
    /// What it has to reach.
    pub(crate) target: Option<Target>,
    /// Whom Atoll is compared with.
    pub(crate) peer: &'static str,
    /// Whether it is one of the few that README tells.
    pub(crate) told: bool,
}

/// What a figure has to reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// So many times better than the peer, at least.
    Times(f64),
    /// So many times what the peer needs, at most.
    Within(f64),
    /// This, at most.
    Most(f64),
}

impl Figure {
    /// The more of it, the better.
    pub(crate) fn more(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            more: true,
            target: None,
            peer: "workerd",
            told: false,
        }
    }

    /// The less of it, the better.
    pub(crate) fn less(name: impl Into<String>) -> Self {
        Self {
            more: false,
            ..Self::more(name)
        }
    }

    pub(crate) fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    pub(crate) fn times(self, times: f64) -> Self {
        self.target(Target::Times(times))
    }

    pub(crate) fn most(self, most: f64) -> Self {
        self.target(Target::Most(most))
    }

    pub(crate) fn peer(mut self, peer: &'static str) -> Self {
        self.peer = peer;
        self
    }

    /// README tells it.
    pub(crate) fn told(mut self) -> Self {
        self.told = true;
        self
    }
}

/// What one round of one side gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) value: f64,
    /// What all processes of the server kept in memory at the end, in megabytes.
    pub(crate) memory_mb: Option<f64>,
    /// What else is worth knowing.
    pub(crate) note: Option<String>,
}

impl From<f64> for Sample {
    fn from(value: f64) -> Self {
        Self {
            value,
            ..Self::default()
        }
    }
}

/// What all rounds of one side gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Side {
    samples: Vec<Sample>,
    /// Why there are no more.
    pub(crate) failure: Option<String>,
}

impl Side {
    /// Rounds of which only the values are known.
    #[cfg(test)]
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut side = Self::default();
        for value in values {
            side.add(Ok(value.into()));
        }
        side
    }

    /// There is nothing, and this is why.
    pub(crate) fn failed(error: &anyhow::Error) -> Self {
        let mut side = Self::default();
        side.add(Err(anyhow::anyhow!("{error:#}")));
        side
    }

    pub(crate) fn add(&mut self, round: anyhow::Result<Sample>) {
        match round {
            Ok(sample) => {
                self.samples.push(sample);
                self.samples
                    .sort_by(|one, other| one.value.total_cmp(&other.value));
            }
            Err(error) => self.failure = Some(format!("{error:#}")),
        }
    }

    /// The round in the middle. A side that failed has none: its other rounds were luck.
    pub(crate) fn middle(&self) -> Option<&Sample> {
        match self.failure {
            Some(_) => None,
            None => self.samples.get(self.samples.len() / 2),
        }
    }

    pub(crate) fn median(&self) -> Option<f64> {
        self.middle().map(|sample| sample.value)
    }

    /// The least and the most of several rounds.
    pub(crate) fn spread(&self) -> Option<(f64, f64)> {
        match (self.samples.as_slice(), &self.failure) {
            ([first, .., last], None) => Some((first.value, last.value)),
            _ => None,
        }
    }
}

/// A figure and what came out.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) figure: Figure,
    pub(crate) ours: Side,
    /// Nothing where there is nobody to compare with.
    pub(crate) theirs: Option<Side>,
}

impl Row {
    /// How many times better Atoll is.
    pub(crate) fn ratio(&self) -> Option<f64> {
        let (ours, theirs) = (self.ours.median()?, self.theirs.as_ref()?.median()?);
        // What takes no more memory than nothing did is not so many times better.
        if ours <= 0.0 || theirs <= 0.0 {
            return None;
        }
        Some(match self.figure.more {
            true => ours / theirs,
            false => theirs / ours,
        })
    }

    /// Whether the target is reached. Nobody knows without a target, or without what it is held against.
    pub(crate) fn reached(&self) -> Option<bool> {
        Some(match self.figure.target? {
            Target::Times(times) => self.ratio()? >= times,
            Target::Within(times) => self.ratio()? * times >= 1.0,
            Target::Most(most) => self.ours.median()? <= most,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(figure: Figure, ours: &[f64], theirs: &[f64]) -> Row {
        Row {
            figure,
            ours: Side::of(ours.iter().copied()),
            theirs: Some(Side::of(theirs.iter().copied())),
        }
    }

    #[test]
    fn ratios_say_how_many_times_better_it_is() {
        let rate = row(Figure::more("a second").times(3.0), &[30.0], &[10.0]);
        assert_eq!((rate.ratio(), rate.reached()), (Some(3.0), Some(true)));
        let time = row(Figure::less("ms").times(3.0), &[5.0], &[10.0]);
        assert_eq!((time.ratio(), time.reached()), (Some(2.0), Some(false)));
        let slower = row(
            Figure::less("ms").target(Target::Within(1.3)),
            &[13.1],
            &[10.0],
        );
        assert_eq!(slower.reached(), Some(false));
        let nothing = row(Figure::less("KB"), &[-8.5], &[162.0]);
        assert_eq!(nothing.ratio(), None);
        let alone = row(Figure::less("KB").most(10.0), &[9.0], &[]);
        assert_eq!((alone.ratio(), alone.reached()), (None, Some(true)));
    }

    #[test]
    fn a_side_that_failed_once_has_no_figure() {
        let mut side = Side::of([3.0, 1.0, 2.0]);
        assert_eq!(
            (side.median(), side.spread()),
            (Some(2.0), Some((1.0, 3.0)))
        );
        side.add(Err(anyhow::anyhow!("it hangs")));
        assert_eq!((side.median(), side.spread()), (None, None));
    }
}
