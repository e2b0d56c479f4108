//! Checkpoints: everything that a run needs to go on as if it had never stopped.
//!
//! A checkpoint is a folder. It is written beside its place, synced, and renamed into it; the manifest is written last
//! and holds the hash of every other file, so what has a manifest is whole.

mod folder;
pub(crate) mod tensors;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::Span;
use reckon_torch::Stored;
use serde_json::{Value, json};

use crate::failure::{DAMAGED, Failure, FailureKind, NO_CHECKPOINT, RUN_FOLDER};
use folder::{Content, Fault};

const WEIGHTS: &str = "weights.safetensors";
const BEST: &str = "best.safetensors";
const POSITION: &str = "position.json";

/// The state of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checkpoint {
    /// Where the run stands.
    pub(crate) position: Position,
    /// Parameters and what optimisers remember, as training goes on from.
    pub(crate) weights: Vec<Stored>,
    /// The same at the best epoch of the phase so far, where early stopping watches.
    pub(crate) best: Option<Vec<Stored>>,
    /// Fitted state, one file each by name.
    pub(crate) fitted: BTreeMap<String, Vec<u8>>,
}

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Position {
    /// The seed of the run.
    pub(crate) seed: u64,
    /// The turn that is taken: a training, or what a loop runs on a day; the number of turns when all are done.
    pub(crate) turn: usize,
    /// Steps of the phase that are done.
    pub(crate) step: usize,
    /// The sums over the current epoch's steps of the outputs of the step.
    pub(crate) sums: Vec<(String, f64)>,
    /// The best epoch so far, from 1, with its value.
    pub(crate) best: Option<(usize, f64)>,
    /// The last epoch that was evaluated for early stopping, from 1.
    pub(crate) judged: usize,
    /// Steps of all phases that are done.
    pub(crate) total_steps: usize,
    /// Steps of each training of a loop on earlier days.
    pub(crate) earlier: BTreeMap<String, usize>,
}

/// The state of a run as it is written, without a copy of it.
pub(crate) struct State<'a> {
    /// As of a [`Checkpoint`].
    pub(crate) position: &'a Position,
    /// As of a [`Checkpoint`].
    pub(crate) weights: &'a [Stored],
    /// As of a [`Checkpoint`].
    pub(crate) best: Option<&'a [Stored]>,
    /// As of a [`Checkpoint`].
    pub(crate) fitted: &'a BTreeMap<String, Vec<u8>>,
}

impl State<'_> {
    /// Writes the checkpoint to `folder`, in place of the one that is there.
    pub(crate) fn write(&self, folder: &Path, span: Span) -> Result<(), Failure> {
        let position = self.position.to_json().to_string();
        let mut files = BTreeMap::from([
            (WEIGHTS, Content::Tensors(self.weights)),
            (POSITION, Content::Bytes(position.as_bytes())),
        ]);
        if let Some(best) = self.best {
            files.insert(BEST, Content::Tensors(best));
        }
        for (name, bytes) in self.fitted {
            files.insert(name, Content::Bytes(bytes));
        }
        folder::write(folder, &files).map_err(|error| {
            let message = format!("checkpoint `{}` cannot be written", folder.display());
            Failure::new(
                FailureKind::Data,
                Diagnostic::error(RUN_FOLDER, span, message).note(error.to_string()),
            )
        })
    }
}

impl Checkpoint {
    /// Reads the checkpoint in `folder`.
    ///
    /// # Errors
    /// It is not there, or its files are not those that were written.
    pub(crate) fn read(folder: &Path, span: Span) -> Result<Self, Failure> {
        let mut files = folder::read(folder).map_err(|fault| fault_of(folder, fault, span))?;
        let damaged = |file: &str, why: &str| fault_of(folder, Fault::damaged(file, why), span);
        let mut take = |name: &str| {
            files
                .remove(name)
                .ok_or_else(|| damaged(name, "is missing"))
        };
        let weights = take(WEIGHTS)?;
        let weights = tensors::from_bytes(&weights)
            .ok_or_else(|| damaged(WEIGHTS, "is not in safetensors format"))?;
        let position = take(POSITION)?;
        let position =
            Position::from_json(&position).ok_or_else(|| damaged(POSITION, "has other fields"))?;
        let best = match files.remove(BEST) {
            Some(best) => Some(
                tensors::from_bytes(&best)
                    .ok_or_else(|| damaged(BEST, "is not in safetensors format"))?,
            ),
            None => None,
        };
        Ok(Self {
            position,
            weights,
            best,
            fitted: files,
        })
    }

    /// Whether `folder` was never written, not even in part.
    pub(crate) fn is_absent(folder: &Path) -> bool {
        folder::places(folder).iter().all(|place| !place.exists())
    }

    /// Where the files of the checkpoint of `folder` are, if it has one.
    pub(crate) fn place(folder: &Path) -> Option<PathBuf> {
        folder::complete(folder)
    }
}

/// The checkpoint of a run directory.
pub(crate) fn folder_of(run: &Path) -> PathBuf {
    run.join("checkpoint")
}

impl Position {
    fn to_json(&self) -> Value {
        let sums: serde_json::Map<String, Value> = self
            .sums
            .iter()
            .map(|(name, sum)| (name.clone(), json!(sum)))
            .collect();
        json!({
            "seed": self.seed,
            "turn": self.turn,
            "step": self.step,
            "sums": sums,
            "best": self.best.map(|(epoch, value)| json!({ "epoch": epoch, "value": value })),
            "judged": self.judged,
            "total_steps": self.total_steps,
            "earlier": self.earlier,
        })
    }

    fn from_json(bytes: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let number = |name: &str| usize::try_from(value.get(name)?.as_u64()?).ok();
        let best = match value.get("best")? {
            Value::Null => None,
            best => Some((
                usize::try_from(best.get("epoch")?.as_u64()?).ok()?,
                best.get("value")?.as_f64()?,
            )),
        };
        let sums = value.get("sums")?.as_object()?.iter();
        Some(Self {
            seed: value.get("seed")?.as_u64()?,
            turn: number("turn")?,
            step: number("step")?,
            sums: sums
                .map(|(name, sum)| Some((name.clone(), sum.as_f64()?)))
                .collect::<Option<_>>()?,
            best,
            judged: number("judged")?,
            total_steps: number("total_steps")?,
            earlier: serde_json::from_value(value.get("earlier")?.clone()).ok()?,
        })
    }
}

fn fault_of(folder: &Path, fault: Fault, span: Span) -> Failure {
    let folder = folder.display();
    let diagnostic = match fault {
        Fault::Absent => Diagnostic::error(
            NO_CHECKPOINT,
            span,
            format!("there is no checkpoint in `{folder}`"),
        )
        .help("run without `--resume`, or name the directory of an earlier run"),
        Fault::Damaged { file, why } => Diagnostic::error(
            DAMAGED,
            span,
            format!("checkpoint `{folder}` is damaged: `{file}` {why}"),
        )
        .help("take a copy that is whole, or train again"),
    };
    Failure::new(FailureKind::Checkpoint, diagnostic)
}

#[cfg(test)]
mod tests {
    use reckon_compiler::graph::Elem;
    use reckon_grammar::span::FileId;

    use super::*;

    fn checkpoint() -> Checkpoint {
        let stored = |name: &str, bytes: Vec<u8>| Stored {
            name: name.to_owned(),
            elem: Elem::F32,
            shape: vec![bytes.len() / 4],
            bytes,
        };
        Checkpoint {
            position: Position {
                seed: u64::MAX,
                turn: 1,
                step: 12,
                sums: vec![("loss".to_owned(), 0.1 + 0.2)],
                best: Some((2, 1.0 / 3.0)),
                judged: 3,
                total_steps: 30,
                earlier: BTreeMap::from([("local".to_owned(), 18)]),
            },
            weights: vec![
                stored("film.weight", vec![1; 8]),
                stored("film.weight:m", vec![2; 8]),
            ],
            best: Some(vec![stored("film.weight", vec![3; 8])]),
            fitted: BTreeMap::from([("state.arrow".to_owned(), vec![7, 8, 9])]),
        }
    }

    fn span() -> Span {
        Span::new(FileId(0), 0, 0)
    }

    fn write(checkpoint: &Checkpoint, place: &Path) {
        let state = State {
            position: &checkpoint.position,
            weights: &checkpoint.weights,
            best: checkpoint.best.as_deref(),
            fitted: &checkpoint.fitted,
        };
        state.write(place, span()).unwrap();
    }

    fn written() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let place = folder_of(folder.path());
        write(&checkpoint(), &place);
        (folder, place)
    }

    #[track_caller]
    fn refused(place: &Path, code: u16) -> String {
        let failure = Checkpoint::read(place, span()).unwrap_err();
        assert_eq!(
            (failure.kind, failure.diagnostics[0].code.0),
            (FailureKind::Checkpoint, code)
        );
        failure.diagnostics[0].message.clone()
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let (_keep, place) = written();
        assert_eq!(Checkpoint::read(&place, span()).unwrap(), checkpoint());
    }

    #[test]
    fn a_later_checkpoint_takes_the_place_of_the_earlier_one() {
        let (_keep, place) = written();
        let later = Checkpoint {
            best: None,
            ..checkpoint()
        };
        write(&later, &place);
        assert_eq!(Checkpoint::read(&place, span()).unwrap(), later);
        assert_eq!(
            std::fs::read_dir(place.parent().unwrap()).unwrap().count(),
            1,
            "nothing else is left"
        );
    }

    #[test]
    fn a_checkpoint_that_was_being_replaced_when_the_process_died_is_found() {
        let (_keep, place) = written();
        std::fs::rename(&place, place.with_extension("old")).unwrap();
        assert_eq!(Checkpoint::read(&place, span()).unwrap(), checkpoint());
    }

    #[test]
    fn a_changed_a_truncated_and_a_missing_file_are_named() {
        for (change, why) in [
            (b"x".to_vec(), "has 1 bytes"),
            (
                vec![
                    0;
                    std::fs::read(written().1.join("position.json")).map_or(0, |bytes| bytes.len())
                ],
                "has",
            ),
        ] {
            let (_keep, place) = written();
            std::fs::write(place.join(POSITION), change).unwrap();
            let message = refused(&place, 1031);
            assert!(
                message.contains("`position.json`") && message.contains(why),
                "{message}"
            );
        }
        let (_keep, place) = written();
        std::fs::remove_file(place.join(WEIGHTS)).unwrap();
        assert!(refused(&place, 1031).contains("`weights.safetensors` is missing"));
    }

    #[test]
    fn one_flipped_bit_is_noticed() {
        let (_keep, place) = written();
        let mut bytes = std::fs::read(place.join(WEIGHTS)).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(place.join(WEIGHTS), bytes).unwrap();
        assert!(refused(&place, 1031).contains("hash"));
    }

    #[test]
    fn no_checkpoint_is_said_to_be_absent() {
        let folder = tempfile::tempdir().unwrap();
        refused(&folder_of(folder.path()), 1030);
    }
}
