//! Streams: the rows of losses, those of equal rows together.

use super::Lowering;
use crate::hir::{self, Amount, Draw, Pick, Rows};
use crate::plan::{AmountPlan, Counted, NegativesPlan, PickPlan, StreamOrder, StreamPlan};

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

    /// The rows of an evaluation, whose draws are its own.
    pub(super) fn pool(&mut self, evaluation: &str, rows: &Rows) -> StreamPlan {
        let stream = self.stream(rows, 1);
        let counted = match stream.window {
            Some(_) => Counted::Before,
            None => Counted::Stream,
        };
        let negatives = stream.negatives.map(|negatives| NegativesPlan {
            counted,
            ..negatives
        });
        StreamPlan {
            name: format!("{evaluation}: {}", stream.name),
            negatives,
            ..stream
        }
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
            counted: Counted::Stream,
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
            window: rows.window,
            condition,
            picks,
            balanced,
            negatives,
            group,
            most: rows.most,
            batch: rows.batch.unwrap_or(batch),
            order,
        };
        stream.name = stream.describe();
        stream
    }

    pub(super) fn picks(&mut self, source: &str, picks: &[Pick]) -> Vec<PickPlan> {
        picks.iter().map(|pick| self.pick(source, pick)).collect()
    }

    fn pick(&mut self, source: &str, pick: &Pick) -> PickPlan {
        match pick {
            Pick::Keep(cond) => PickPlan::Keep(self.rows.output(source, cond, false, None)),
            Pick::AtMost(amount, by) => {
                let amount = match amount {
                    Amount::Rows(n) => AmountPlan::Rows(*n),
                    Amount::Times(factor, rows) => {
                        AmountPlan::Times(*factor, self.rows_as_they_are(rows))
                    }
                };
                let by = by.as_ref().map(|by| self.number(source, by));
                PickPlan::AtMost(amount, by)
            }
            Pick::Top(share, by) => PickPlan::Top(*share, self.number(source, by)),
            Pick::Weigh(weight) => PickPlan::Weigh(self.number(source, weight)),
            Pick::DownSample(cond, rate) => {
                PickPlan::DownSample(self.rows.output(source, cond, false, None), *rate)
            }
        }
    }

    /// The output that holds a number of each row.
    fn number(&mut self, source: &str, e: &hir::Expr) -> String {
        self.rows.output(source, e, true, None)
    }
}
