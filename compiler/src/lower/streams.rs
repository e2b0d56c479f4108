//! Streams: the rows of losses, those of equal rows together.

use super::Lowering;
use crate::hir::{self, Draw, Pick, Rows};
use crate::plan::{NegativesPlan, PickPlan, StreamOrder, StreamPlan};

impl Lowering<'_, '_> {
    /// Losses over equal rows share a stream. Gives the streams and the stream of each loss.
    pub(super) fn streams(
        &mut self,
        losses: &[(f64, &hir::Loss)],
        train: &hir::Train,
    ) -> (Vec<StreamPlan>, Vec<usize>) {
        let mut streams: Vec<StreamPlan> = Vec::new();
        let mut of_loss = Vec::new();
        for (_, loss) in losses {
            let stream = self.stream(&loss.rows, train.batch);
            let known = streams.iter().position(|known| *known == stream);
            let at = known.unwrap_or_else(|| {
                streams.push(stream);
                streams.len() - 1
            });
            of_loss.push(at);
        }
        (streams, of_loss)
    }

    fn stream(&mut self, rows: &Rows, batch: usize) -> StreamPlan {
        let source = &rows.source;
        let condition = rows
            .condition
            .as_ref()
            .map(|cond| self.rows.output(source, cond, false, None));
        let picks = self.picks(source, &rows.picks);
        let balanced = rows
            .balanced
            .as_ref()
            .map(|picks| self.picks(source, picks));
        let order = match &rows.drawn {
            None => StreamOrder::Shuffled,
            Some(Draw::Uniform) => StreamOrder::Drawn,
            Some(Draw::By(weight)) => {
                StreamOrder::DrawnBy(self.rows.output(source, weight, true, None))
            }
        };
        let negatives = rows.negatives.as_ref().map(|negatives| NegativesPlan {
            sampler: self.rows.sampler(&negatives.sampler),
            count: negatives.count,
            except: negatives.except,
            kept: negatives.kept.clone(),
            labels: negatives.labels.clone(),
        });
        let group = rows
            .group
            .as_ref()
            .map(|group| self.rows.output(source, group, false, None));
        let mut stream = StreamPlan {
            name: String::new(),
            source: source.clone(),
            condition,
            picks,
            balanced,
            negatives,
            group,
            batch: rows.batch.unwrap_or(batch),
            order,
        };
        stream.name = stream.describe();
        stream
    }

    fn picks(&mut self, source: &str, picks: &[Pick]) -> Vec<PickPlan> {
        let mut output =
            |e: &hir::Expr, numeric| self.rows.output(source, e, numeric == Wants::Number, None);
        picks
            .iter()
            .map(|pick| match pick {
                Pick::Keep(cond) => PickPlan::Keep(output(cond, Wants::Truth)),
                Pick::AtMost(n, by) => {
                    let by = by.as_ref().map(|by| output(by, Wants::Number));
                    PickPlan::AtMost(*n, by)
                }
                Pick::Top(share, by) => PickPlan::Top(*share, output(by, Wants::Number)),
                Pick::Weigh(weight) => PickPlan::Weigh(output(weight, Wants::Number)),
                Pick::DownSample(cond, rate) => {
                    PickPlan::DownSample(output(cond, Wants::Truth), *rate)
                }
            })
            .collect()
    }
}

/// What a row value is read as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    Number,
    Truth,
}
