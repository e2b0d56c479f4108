//! A retrieval evaluation of a plan.

use std::collections::BTreeMap;

use reckon_compiler::cost::{QUERIES_A_BLOCK, scored_a_block};
use reckon_compiler::passes::{QUERIES, nearest};
use reckon_compiler::plan::EvaluationKind;
use reckon_torch::{Device, Floats, Outputs, Panels, Store};

use super::{Detail, Evaluated, Frame, slices, unknown};
use crate::baseline::RetrievalBaseline;
use crate::data::{ABSENT_ROW, Batch, Now, Source};
use crate::evaluate::predictions::{Prediction, Said};
use crate::evaluate::queries::{Asked, Asking, EventRows};
use crate::evaluate::report::{BaselineValue, MetricValue, Report};
use crate::evaluate::retrieval::{Except, Lists, Measure, Ranked, rank_by};
use crate::evaluate::slice::{Slice, by_training_count};
use crate::evaluate::top::{Best, Scored, Wanted, best_of_products, best_of_scores};
use crate::failure::Failure;
use crate::metric::retrieval::RetrievalMetric;
use crate::profile::Owner;
use crate::random::Key;
use crate::step::Step;

/// A retrieval evaluation that is ready to be asked.
pub(crate) struct Retrieval<'a> {
    frame: Frame<'a>,
    rows: EventRows,
    /// The entity that asks.
    asker: String,
    /// The entity that is ranked.
    pub(crate) entity: &'a Source,
    asking: Asking,
    except: Except,
    metrics: Vec<RetrievalMetric>,
    slices: Vec<Slice>,
    catalogue: Step<'a>,
    query: Step<'a>,
    scores: Scores,
}

/// What the program of queries computes.
enum Scores {
    /// A score for each item.
    Stored,
    /// A vector for each query, whose products with those of the items, a result of the catalogue, are the scores.
    Products(String),
}

/// The items as the program of queries, or what multiplies its vectors, reads them.
struct Encoded {
    results: Outputs,
    panels: Option<Panels>,
}

impl<'a> Retrieval<'a> {
    pub(super) fn new(frame: Frame<'a>) -> Result<Self, Failure> {
        let Frame {
            plan,
            data,
            events,
            machine,
            ..
        } = frame;
        let EvaluationKind::Retrieval {
            entity,
            per,
            except_seen,
            catalogue,
            query,
        } = &plan.kind
        else {
            unreachable!("internal: a retrieval is made of a retrieval")
        };
        // Where each row asks, what a user had is still known by the user: the reference that is not ranked.
        let mut references = events.references.keys();
        let asker = per
            .as_ref()
            .or(plan.interval.as_ref())
            .or_else(|| references.find(|name| *name != entity))
            .unwrap_or(entity);
        let ranked = frame.entity(entity)?;
        let rows = event_rows(&frame, asker, ranked)?;
        let mut all_slices = vec![by_training_count(&rows)];
        for slice in &plan.slices {
            all_slices.push(slices::retrieval(frame, slice, &rows, entity)?);
        }
        let metric = |name: &String| {
            RetrievalMetric::parse(name)
                .ok_or_else(|| unknown(plan, "metric", name, NAMES.iter().copied()))
        };
        let owner = Owner::Evaluation(&plan.name);
        // A graphics card has its scores itself.
        let on_host = machine.device == Device::Cpu && !machine.as_cuda;
        let nearest = nearest(&query.graph).filter(|_| on_host);
        let graph = nearest.as_ref().map_or(&query.graph, |cut| &cut.graph);
        let step = |program, graph| Step::of(data, program, graph, &[], machine, owner, plan.span);
        Ok(Self {
            frame,
            asker: asker.clone(),
            entity: ranked,
            asking: if per.is_some() {
                Asking::PerAsker
            } else {
                Asking::PerRow
            },
            except: if *except_seen {
                Except::Seen
            } else {
                Except::Nothing
            },
            metrics: plan.metrics.iter().map(metric).collect::<Result<_, _>>()?,
            slices: all_slices,
            catalogue: step(catalogue, &catalogue.graph)?,
            query: step(query, graph)?,
            scores: nearest.map_or(Scores::Stored, |cut| Scores::Products(cut.items)),
            rows,
        })
    }

    /// The means over lists that were ranked before; metrics of all lists together, as coverage, are not defined.
    pub(super) fn report_of(&self, predictions: &[Prediction], split: &str) -> Report {
        let value = |name: &String| {
            let lists = predictions.iter().filter_map(|one| match &one.said {
                Said::List { values, .. } => values.get(name).copied(),
                Said::Score { .. } => None,
            });
            let (sum, count) = lists.fold((0.0, 0_usize), |(sum, count), x| (sum + x, count + 1));
            (count > 0).then(|| sum / count as f64)
        };
        let metrics = self.frame.plan.metrics.iter().map(|name| MetricValue {
            name: name.clone(),
            value: value(name),
            interval: None,
        });
        let mut report = self.frame.report(split, "queries", predictions.len());
        report.metrics.extend(metrics);
        report
    }

    pub(super) fn report(
        &self,
        store: &mut Store,
        split: &str,
        detail: Detail,
    ) -> Result<Evaluated, Failure> {
        let asked = Asked::new(&self.rows, self.frame.part(split)?, self.asking);
        let (slices, lists) = match detail {
            Detail::Metrics => (&[][..], Lists::Measured),
            Detail::Kept => (&[][..], Lists::Kept),
            Detail::Full => (self.slices.as_slice(), Lists::Kept),
        };
        let measure = Measure {
            metrics: &self.metrics,
            slices,
            except: self.except,
            lists,
        };
        let encoded = self.encode(store)?;
        let mut first_row = 0;
        let ranked = rank_by(&asked, &measure, self.block(), |queries, wanted| {
            let rows: Vec<u32> = queries.iter().map(|query| query.row).collect();
            let assembler = &self.query.assembler;
            let batch = assembler.assemble(&[rows], self.frame.step_key());
            let best = self.best(store, &encoded, &batch, first_row, wanted);
            first_row += queries.len();
            best
        })?;
        if ranked.not_finite > 0 {
            return Err(self.frame.not_finite(split, ranked.not_finite));
        }
        let mut report = self.frame.report(split, "queries", asked.queries.len());
        let predictions = self.predictions(&asked, &ranked);
        match detail {
            Detail::Metrics | Detail::Kept => report.metrics = ranked.metrics(None),
            Detail::Full => {
                let groups: Vec<u32> = asked
                    .queries
                    .iter()
                    .map(|query| self.rows.asker[query.row as usize])
                    .collect();
                report.metrics = ranked.metrics(Some((&groups, Key::new(self.frame.seed))));
                report.slices = ranked.slices();
                report.notes.extend(self.unasked(&asked, split));
                self.add_baselines(&asked, &mut report);
            }
        }
        Ok(Evaluated {
            report,
            predictions,
        })
    }

    fn predictions(&self, asked: &Asked<'_>, ranked: &Ranked) -> Vec<Prediction> {
        let keys = |items: &[u32]| {
            items
                .iter()
                .map(|item| self.entity.key_text(*item))
                .collect()
        };
        let lists = asked.queries.iter().zip(ranked.lists());
        lists
            .map(|(query, (list, values))| Prediction {
                row: query.row,
                day: None,
                by: Some(self.asker.clone()),
                drawn: None,
                of: self.others(query.row),
                said: Said::List {
                    values,
                    top: keys(list),
                    targets: keys(&query.targets),
                },
            })
            .collect()
    }

    /// The keys of what a query refers to beside the ranked entity.
    fn others(&self, row: u32) -> BTreeMap<String, String> {
        let mut keys = self.frame.keys_at(row, None);
        keys.remove(&self.entity.name);
        keys
    }

    /// Says how many cannot be asked because nothing of theirs lies in the part.
    fn unasked(&self, asked: &Asked<'_>, split: &str) -> Option<String> {
        let unit = match self.asking {
            Asking::PerAsker => "users",
            Asking::PerRow => "rows",
        };
        let count = asked.without_targets;
        (count > 0).then(|| format!("{count} {unit} of {split} have no target and are not asked"))
    }

    fn add_baselines(&self, asked: &Asked<'_>, report: &mut Report) {
        let measure = Measure {
            metrics: &self.metrics,
            slices: &[],
            except: self.except,
            lists: Lists::Measured,
        };
        for name in &self.frame.plan.baselines {
            match RetrievalBaseline::fit(name, asked) {
                Ok(baseline) => {
                    let metrics = baseline.rank(asked, &measure).metrics(None);
                    report.baselines.push(BaselineValue {
                        name: name.clone(),
                        metrics,
                    });
                }
                Err(why) => report.notes.push(why),
            }
        }
    }

    /// The best items for someone who asks now, best first, and how many items the user had that are left out. `asker` is
    /// a row of the asking entity, `None` for someone unknown.
    pub(crate) fn recommend(
        &self,
        store: &mut Store,
        asker: Option<u32>,
        n: usize,
    ) -> Result<(Vec<Scored>, usize), Failure> {
        let mut now = Now {
            rows: 1,
            ..Now::default()
        };
        now.references
            .insert(self.asker.clone(), vec![asker.unwrap_or(ABSENT_ROW)]);
        let key = self.frame.step_key();
        let batch = self
            .query
            .assembler
            .assemble_now(&now, key)
            .map_err(|diagnostic| Failure::data(vec![diagnostic]))?;
        let mut had: Vec<u32> = match (asker, self.except) {
            (Some(asker), Except::Seen) => {
                let rows = (0..self.rows.item.len()).filter(|row| self.rows.asker[*row] == asker);
                rows.map(|row| self.rows.item[row])
                    .filter(|item| *item != ABSENT_ROW)
                    .collect()
            }
            (None, _) | (_, Except::Nothing) => Vec::new(),
        };
        had.sort_unstable();
        had.dedup();
        let count = had.len();
        let wanted = Wanted {
            left_out: &[had],
            depth: n,
        };
        let encoded = self.encode(store)?;
        let best = self.best(store, &encoded, &batch, 0, &wanted)?;
        let best = best.into_iter().next().unwrap_or_default();
        Ok((best.items, count))
    }

    /// The entity that asks.
    pub(crate) fn asker(&self) -> &str {
        &self.asker
    }

    /// The row of the asker with this key.
    pub(crate) fn find(&self, key: &str) -> Option<u32> {
        self.frame.data.source(&self.asker)?.find(key)
    }

    /// Runs the catalogue's program over every item.
    fn encode(&self, store: &mut Store) -> Result<Encoded, Failure> {
        let assembler = &self.catalogue.assembler;
        let batch = assembler.assemble(&[], self.frame.step_key());
        let key = self.frame.run_key(0);
        let results = self.catalogue.run(store, &batch, &[], &key)?;
        let panels = match &self.scores {
            Scores::Stored => None,
            Scores::Products(of) => {
                let vectors = self.floats(&results, of)?;
                let width = results.shape(of).and_then(|shape| shape.last().copied());
                Some(Panels::new(vectors.as_ref(), width.unwrap_or(1)))
            }
        };
        Ok(Encoded { results, panels })
    }

    /// Queries that are asked at once.
    fn block(&self) -> usize {
        match self.scores {
            Scores::Stored => scored_a_block(self.entity.rows),
            Scores::Products(_) => QUERIES_A_BLOCK,
        }
    }

    /// The best items for each query of a batch, the first of which is at `first_row`.
    fn best(
        &self,
        store: &mut Store,
        encoded: &Encoded,
        batch: &Batch,
        first_row: usize,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<Best>, Failure> {
        let key = self.frame.run_key(first_row);
        match &encoded.panels {
            None => {
                let outputs = self.query.run_after(store, batch, &encoded.results, &key)?;
                let scores = self.floats(&outputs, "score")?;
                Ok(best_of_scores(scores.as_ref(), self.entity.rows, wanted))
            }
            Some(panels) => {
                let outputs = self.query.run(store, batch, &[], &key)?;
                let vectors = self.floats(&outputs, QUERIES)?;
                Ok(best_of_products(panels, vectors.as_ref(), wanted))
            }
        }
    }

    fn floats(&self, outputs: &Outputs, name: &str) -> Result<Floats, Failure> {
        outputs
            .floats(name)
            .ok_or_else(|| self.frame.no_output(name))
    }
}

/// What a message lists as known.
const NAMES: [&str; 7] = [
    "recall@10",
    "hit@10",
    "ndcg@10",
    "ndcg_hits_ideal@10",
    "map@10",
    "mrr@10",
    "coverage@10",
];

/// The events of an evaluation with who asks and what is ranked.
fn event_rows(frame: &Frame<'_>, asker: &str, ranked: &Source) -> Result<EventRows, Failure> {
    let events = frame.events;
    let askers = frame.entity(asker)?;
    Ok(EventRows {
        asker: frame.reference(asker)?.to_vec(),
        item: frame.reference(&ranked.name)?.to_vec(),
        time: if events.times.is_empty() {
            vec![0; events.rows]
        } else {
            events.times.clone()
        },
        part: frame.parts(),
        passes: frame.passes(),
        askers: askers.rows,
        items: ranked.rows,
        ..EventRows::default()
    })
}
