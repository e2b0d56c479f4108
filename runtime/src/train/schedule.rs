//! The factor on learning rates.

use reckon_compiler::plan::Schedule;

/// The factor at `step`, counted from 0, of `steps`.
pub(crate) fn factor(schedule: Schedule, step: usize, steps: usize) -> f32 {
    let (Schedule::Constant { warmup } | Schedule::Cosine { warmup } | Schedule::Linear { warmup }) =
        schedule;
    if step < warmup {
        return ((step + 1) as f64 / warmup as f64) as f32;
    }
    // 0 at the first step after the warm-up, 1 at the last step.
    let way = (step - warmup) as f64 / steps.saturating_sub(warmup + 1).max(1) as f64;
    let way = way.min(1.0);
    let factor = match schedule {
        Schedule::Constant { .. } => 1.0,
        Schedule::Cosine { .. } => (1.0 + (std::f64::consts::PI * way).cos()) / 2.0,
        Schedule::Linear { .. } => 1.0 - way,
    };
    factor as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_up_is_a_line_that_reaches_one_with_its_last_step() {
        let factors: Vec<f32> = (0..6)
            .map(|step| factor(Schedule::Constant { warmup: 4 }, step, 6))
            .collect();
        assert_eq!(factors, [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn cosine_and_line_begin_at_one_and_end_at_zero_with_the_last_step() {
        for schedule in [
            Schedule::Cosine { warmup: 2 },
            Schedule::Linear { warmup: 2 },
        ] {
            assert_eq!(factor(schedule, 2, 13), 1.0);
            assert!((factor(schedule, 7, 13) - 0.5).abs() < 1e-6, "half way");
            assert!(factor(schedule, 12, 13).abs() < 1e-6);
        }
    }

    #[test]
    fn a_run_of_one_step_trains_at_the_full_rate() {
        assert_eq!(factor(Schedule::Cosine { warmup: 0 }, 0, 1), 1.0);
    }
}
