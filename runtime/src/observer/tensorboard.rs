//! What was measured, as an event file for TensorBoard: records of the protocol buffer `Event`, in the framing of TFRecord.
//!
//! The file says what `metrics.jsonl` says and is made of the same lines, so that a run that goes on has a whole file too.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Map, Value};

/// What every event file begins with.
const VERSION: &str = "brain.Event:2";

/// Writes scalars. Tags are `train/main` for losses of a training, `films/valid/recall@50` for evaluations on the way and
/// `films/final test/recall@50` for those at the end; a training that is run once a day goes on counting its steps, and what is
/// asked each day is one curve.
pub(crate) struct EventFile<W> {
    out: W,
    /// Seconds since 1970.
    now: fn() -> f64,
    steps: BTreeMap<String, Steps>,
}

/// The steps of a training: those of its runs before, and of the one that it is in.
#[derive(Clone, Copy, Default)]
struct Steps {
    before: u64,
    last: u64,
    /// The turn of the loop that it is in.
    turn: Option<u64>,
}

impl<W: Write> EventFile<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// Those of `out`.
    pub(crate) fn new(out: W, now: fn() -> f64) -> io::Result<Self> {
        let mut file = Self {
            out,
            now,
            steps: BTreeMap::new(),
        };
        let mut event = file.event(0);
        text(&mut event, 3, VERSION);
        file.record(&event)?;
        Ok(file)
    }

    /// Writes all values of a line of `metrics.jsonl` as one event.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn line(&mut self, line: &Map<String, Value>) -> io::Result<()> {
        let field = |name: &str| line.get(name).and_then(Value::as_str);
        let number = |name: &str| line.get(name).and_then(Value::as_u64);
        let step = match (field("phase"), number("step")) {
            (Some(phase), Some(step)) => self.counted(phase, step, number("turn")),
            _ => self
                .steps
                .values()
                .map(|of| of.before + of.last)
                .max()
                .unwrap_or(0),
        };
        let split = field("split").unwrap_or_default();
        // At the end the weights that were kept are asked, which need not be those of the last step.
        let is_last = field("phase").is_none() && field("day").is_none();
        let place = match (field("evaluation"), field("phase")) {
            (Some(evaluation), _) if is_last => format!("{evaluation}/final {split}"),
            (Some(evaluation), _) if field("day").is_some() => format!("{evaluation}/each day"),
            (Some(evaluation), _) => format!("{evaluation}/{split}"),
            (None, Some(phase)) => phase.to_owned(),
            (None, None) => split.to_owned(),
        };
        let mut summary = Vec::new();
        for (name, value) in line
            .iter()
            .filter(|(name, _)| !PLACE.contains(&name.as_str()))
        {
            if let Some(value) = value.as_f64() {
                bytes(&mut summary, 1, &scalar(&format!("{place}/{name}"), value));
            }
        }
        if summary.is_empty() {
            return Ok(());
        }
        let mut event = self.event(step);
        bytes(&mut event, 5, &summary);
        self.record(&event)?;
        self.out.flush()
    }

    /// The step in all runs of a training: where it begins again in another turn of a loop, those before are kept.
    fn counted(&mut self, phase: &str, step: u64, turn: Option<u64>) -> u64 {
        let steps = self.steps.entry(phase.to_owned()).or_default();
        if turn != steps.turn {
            steps.before += steps.last;
            steps.turn = turn;
        }
        steps.last = step;
        steps.before + steps.last
    }

    /// The time and the step of an event.
    fn event(&self, step: u64) -> Vec<u8> {
        let mut event = Vec::new();
        key(&mut event, 1, 1);
        event.extend((self.now)().to_le_bytes());
        key(&mut event, 2, 0);
        varint(&mut event, step);
        event
    }

    /// Length, its checksum, the bytes, their checksum.
    fn record(&mut self, event: &[u8]) -> io::Result<()> {
        let length = (event.len() as u64).to_le_bytes();
        self.out.write_all(&length)?;
        self.out.write_all(&masked(&length).to_le_bytes())?;
        self.out.write_all(event)?;
        self.out.write_all(&masked(event).to_le_bytes())
    }
}

/// Fields of a line that say where it was measured.
const PLACE: [&str; 7] = [
    "day",
    "turn",
    "phase",
    "epoch",
    "step",
    "split",
    "evaluation",
];

/// A `Summary.Value`: tag and simple value.
fn scalar(tag: &str, value: f64) -> Vec<u8> {
    let mut scalar = Vec::new();
    text(&mut scalar, 1, tag);
    key(&mut scalar, 2, 5);
    scalar.extend((value as f32).to_le_bytes());
    scalar
}

/// The number of a field and how it is written: 0 varint, 1 eight bytes, 2 with a length, 5 four bytes.
fn key(out: &mut Vec<u8>, field: u64, kind: u64) {
    varint(out, field << 3 | kind);
}

fn text(out: &mut Vec<u8>, field: u64, value: &str) {
    bytes(out, field, value.as_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    key(out, field, 2);
    varint(out, value.len() as u64);
    out.extend(value);
}

/// Seven bits a byte, the lowest first; all bytes but the last have their highest bit set.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The checksum of TFRecord: CRC-32C, turned and moved so that checksums of checksums are no trouble.
fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), bit by bit: an epoch writes a few hundred bytes.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let low = crc & 1;
            crc >>= 1;
            if low == 1 {
                crc ^= 0x82f6_3b78;
            }
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(lines: &[&str]) -> Vec<u8> {
        let mut file = EventFile::new(Vec::new(), || 1.5).unwrap();
        for line in lines {
            file.line(&serde_json::from_str(line).unwrap()).unwrap();
        }
        file.out
    }

    /// The events of a file, each checked by its checksums.
    fn records(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let (length, rest) = bytes.split_at(8);
            let (check, rest) = rest.split_at(4);
            assert_eq!(check, masked(length).to_le_bytes());
            let size = u64::from_le_bytes(length.try_into().unwrap()) as usize;
            let (event, rest) = rest.split_at(size);
            let (check, rest) = rest.split_at(4);
            assert_eq!(check, masked(event).to_le_bytes());
            found.push(event.to_vec());
            bytes = rest;
        }
        found
    }

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        // The length 24 as the first event of a TensorFlow file has it, with the checksum that stands behind it there.
        assert_eq!(
            masked(&24u64.to_le_bytes()).to_le_bytes(),
            [0xa3, 0x7f, 0x4b, 0x22]
        );
    }

    #[test]
    fn a_file_begins_with_its_version() {
        let event = &records(&written(&[]))[0];
        let mut expected = vec![0x09];
        expected.extend(1.5f64.to_le_bytes());
        expected.extend([0x10, 0x00, 0x1a, 13]);
        expected.extend(b"brain.Event:2");
        assert_eq!(*event, expected);
    }

    #[test]
    fn the_values_of_a_line_are_one_event() {
        let line =
            r#"{"phase":"train","epoch":1,"step":300,"split":"train","main":0.5,"auc":null}"#;
        let events = records(&written(&[line]));
        let mut expected = vec![0x09];
        expected.extend(1.5f64.to_le_bytes());
        // Step 300; a summary of 19 bytes; a value of 17; a tag of 10.
        expected.extend([0x10, 0xac, 0x02, 0x2a, 19, 0x0a, 17, 0x0a, 10]);
        expected.extend(b"train/main");
        expected.push(0x15);
        expected.extend(0.5f32.to_le_bytes());
        assert_eq!(events[1], expected);
    }

    #[test]
    fn a_training_that_begins_again_each_day_goes_on_counting() {
        let mut file = EventFile::new(Vec::new(), || 0.0).unwrap();
        let measured = [(4, 1), (8, 1), (4, 3), (4, 5), (4, 7)];
        let steps = measured.map(|(step, turn)| file.counted("local", step, Some(turn)));
        assert_eq!(steps, [4, 8, 12, 16, 20]);
        let alone = [4, 8].map(|step| file.counted("train", step, None));
        assert_eq!(alone, [4, 8]);
    }

    #[test]
    fn an_evaluation_of_each_day_has_one_tag() {
        let day = |day: u8| {
            format!(
                r#"{{"day":"d{day}","turn":{day},"split":"d{}","evaluation":"shop","auc":0.5}}"#,
                day + 1
            )
        };
        let (one, two) = (day(1), day(2));
        let events = records(&written(&[&one, &two]));
        let tag = b"shop/each day/auc";
        for event in &events[1..] {
            assert!(event.windows(tag.len()).any(|window| window == tag));
        }
    }

    #[test]
    fn what_is_measured_at_the_end_stands_at_the_last_step() {
        let events = records(&written(&[
            r#"{"phase":"train","epoch":1,"step":7,"split":"train","main":0.5}"#,
            r#"{"split":"test","evaluation":"films","ndcg@10":0.25}"#,
        ]));
        assert_eq!(events[2][9..11], [0x10, 7]);
        let tag = b"films/final test/ndcg@10";
        assert!(events[2].windows(tag.len()).any(|window| window == tag));
    }
}
