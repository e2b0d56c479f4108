//! Means over seeds, and where they have to lie.

/// A mean over seeds with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mean {
    pub(super) mean: f64,
    /// `None` for a single seed.
    pub(super) error: Option<f64>,
    /// Half the width of the 95 % interval (Student's t), 0 for a single seed.
    half: f64,
}

/// Where the mean over the seeds has to lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bar {
    /// The mean is at least this, and the interval leaves 0 out.
    AtLeast(f64),
    /// The mean is at most this.
    AtMost(f64),
    /// The mean lies between these.
    Between(f64, f64),
    /// The mean is this far from 0 at most, or less than one standard error away.
    Near0(f64),
}

/// The 97.5 % quantile of Student's t with 1 to 9 degrees of freedom.
const T: [f64; 9] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262,
];

/// 1.96 + 0.84 standard errors: what a two-sided test at 5 % finds four times in five.
const DETECTED: f64 = 2.8;

impl Mean {
    pub(super) fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let Some(t) = values.len().checked_sub(2).and_then(|at| T.get(at)) else {
            return Self {
                mean,
                error: None,
                half: 0.0,
            };
        };
        let variance = values
            .iter()
            .map(|value| (value - mean).powi(2))
            .sum::<f64>()
            / (count - 1.0);
        let error = (variance / count).sqrt();
        Self {
            mean,
            error: Some(error),
            half: t * error,
        }
    }

    /// `0.0069 (0.0042 to 0.0096)`
    pub(super) fn with_interval(&self) -> String {
        let (low, high) = (self.mean - self.half, self.mean + self.half);
        match self.error {
            Some(_) => format!("{:.4} ({low:.4} to {high:.4})", self.mean),
            None => format!("{:.4}", self.mean),
        }
    }

    /// The smallest effect that so many seeds would find four times in five.
    pub(super) fn detectable(&self) -> Option<f64> {
        self.error.map(|error| DETECTED * error)
    }
}

impl std::fmt::Display for Mean {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.with_interval())?;
        match self.detectable() {
            Some(detectable) => write!(out, ", smallest detectable {detectable:.4}"),
            None => Ok(()),
        }
    }
}

impl Bar {
    pub(super) fn holds(self, of: &Mean) -> bool {
        match self {
            Bar::AtLeast(least) => of.mean >= least && of.mean - of.half > 0.0,
            Bar::AtMost(most) => of.mean <= most,
            Bar::Between(low, high) => (low..=high).contains(&of.mean),
            Bar::Near0(far) => of.mean.abs() <= far.max(of.error.unwrap_or(0.0)),
        }
    }
}

impl std::fmt::Display for Bar {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Bar::AtLeast(0.0) => write!(out, "above 0, interval too"),
            Bar::AtLeast(least) => write!(out, "at least {least}, interval above 0"),
            Bar::AtMost(most) => write!(out, "at most {most}"),
            Bar::Between(low, high) => write!(out, "{low} to {high}"),
            Bar::Near0(0.0) => write!(out, "0 within one standard error"),
            Bar::Near0(far) => write!(out, "0 within {far} or one standard error"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_has_the_interval_of_student() {
        let mean = Mean::of(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(
            mean.to_string(),
            "3.0000 (1.0371 to 4.9629), smallest detectable 1.9799"
        );
        assert_eq!(Mean::of(&[0.25]).to_string(), "0.2500");
    }

    #[test]
    fn bars_judge_means_and_intervals() {
        let noisy = Mean::of(&[-1.0, 0.0, 4.0]);
        assert!(!Bar::AtLeast(0.5).holds(&noisy), "its interval holds 0");
        assert!(
            Bar::Near0(0.1).holds(&Mean::of(&[-1.0, 0.0, 1.5])),
            "within one standard error"
        );
        assert!(Bar::AtLeast(0.5).holds(&Mean::of(&[0.9, 1.0, 1.1])));
        assert!(Bar::AtMost(-0.6).holds(&Mean::of(&[-0.9, -1.0])));
        assert!(Bar::Between(0.6, 0.75).holds(&Mean::of(&[0.7])));
        assert!(!Bar::Near0(0.1).holds(&Mean::of(&[0.5, 0.5])));
    }
}
