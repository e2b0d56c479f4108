//! Fitted statistics on disk: one arrow file each, and a hash of what is in it.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Float64Builder, Int64Array, ListBuilder,
    RecordBatch, StringArray, UInt64Array,
};
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use arrow::error::ArrowError;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use reckon_compiler::plan::{FitKind, FitPlan};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::{Fitted, Group, GroupKey, Groups, Vocabulary, VocabularyValues};
use sha2::{Digest, Sha256};

use super::super::fault::FITTED;

/// Writes each statistic into a file of its own in an existing folder and gives the names of the statistics with their
/// content hashes, in the order of the plan.
///
/// # Errors
/// The first file that cannot be written.
pub fn save(
    dir: &Path,
    plans: &[FitPlan],
    fits: &[Fitted],
) -> Result<Vec<(String, String)>, Diagnostic> {
    plans
        .iter()
        .zip(fits)
        .enumerate()
        .map(|(at, (plan, fitted))| {
            let path = dir.join(file_name(at));
            let written = batch(fitted).and_then(|batch| {
                let mut writer = FileWriter::try_new(File::create(&path)?, &batch.schema())?;
                writer.write(&batch)?;
                writer.finish()
            });
            written.map_err(|error| unusable(plan, &format!("cannot be written: {error}")))?;
            Ok((plan.name.clone(), content_hash(fitted)))
        })
        .collect()
}

/// Reads what [`save`] wrote for the same plan.
///
/// # Errors
/// A file that is missing, broken, or that holds a statistic of another kind than the plan asks for.
pub fn load(dir: &Path, plans: &[FitPlan]) -> Result<Vec<Fitted>, Diagnostic> {
    plans
        .iter()
        .enumerate()
        .map(|(at, plan)| load_at(dir, at, plan))
        .collect()
}

fn load_at(dir: &Path, at: usize, plan: &FitPlan) -> Result<Fitted, Diagnostic> {
    let read = || -> Result<RecordBatch, ArrowError> {
        let mut reader = FileReader::try_new(File::open(dir.join(file_name(at)))?, None)?;
        reader
            .next()
            .ok_or_else(|| ArrowError::IpcError("the file is empty".to_owned()))?
    };
    let batch = read().map_err(|error| unusable(plan, &format!("cannot be read: {error}")))?;
    fitted(&batch, &plan.kind).ok_or_else(|| unusable(plan, "is of another kind"))
}

/// The file beside those of [`save`] that names the statistics in their order.
pub(crate) const FIT_NAMES: &str = "fits.json";

/// The names of statistics with their content hashes, as that file holds them.
pub(crate) fn fit_names(names: &[(String, String)]) -> Vec<u8> {
    let names = names
        .iter()
        .map(|(name, hash)| serde_json::json!({ "name": name, "sha256": hash }));
    let names = serde_json::Value::Array(names.collect());
    format!("{names:#}\n").into_bytes()
}

/// Reads the statistic of this name out of what another plan has saved.
///
/// # Errors
/// There is none of this name, or it is of another kind than the plan asks for.
pub(crate) fn load_named(dir: &Path, name: &str, plan: &FitPlan) -> Result<Fitted, Diagnostic> {
    let names: Option<serde_json::Value> = std::fs::read(dir.join(FIT_NAMES))
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let at = names
        .as_ref()
        .and_then(serde_json::Value::as_array)
        .and_then(|names| names.iter().position(|known| known["name"] == name));
    match at {
        Some(at) => load_at(dir, at, plan),
        None => Err(unusable(plan, &format!("is not in the run, as `{name}`"))),
    }
}

/// The SHA-256 of a statistic in hexadecimal: equal for equal states, whatever machine fitted them.
pub fn content_hash(fitted: &Fitted) -> String {
    let mut hash = Sha256::new();
    let mut floats = |tag: &str, values: &[f64]| {
        hash.update(tag);
        values
            .iter()
            .for_each(|value| hash.update(value.to_bits().to_le_bytes()));
    };
    match fitted {
        Fitted::Borders(borders) => floats("borders", borders),
        Fitted::Moments { mean, std } => floats("moments", &[*mean, *std]),
        Fitted::Extent { min, max } => floats("extent", &[*min, *max]),
        Fitted::Matrix { size, values } => floats(&format!("matrix {size}"), values),
        Fitted::Vocab(vocabulary) => hash_vocabulary(&mut hash, vocabulary),
        Fitted::Groups(groups) => {
            hash.update("groups");
            for group in groups.groups() {
                let words = [
                    group.key.0,
                    group.key.1,
                    group.count,
                    group.mean.to_bits(),
                    group.std.to_bits(),
                ];
                let values = group.values.iter().map(|value| value.to_bits());
                words
                    .into_iter()
                    .chain(values)
                    .for_each(|word| hash.update(word.to_le_bytes()));
            }
        }
        Fitted::Waiting => hash.update("waiting"),
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn hash_vocabulary(hash: &mut Sha256, vocabulary: &Vocabulary) {
    hash.update("vocabulary");
    hash.update((vocabulary.unknown() as u64).to_le_bytes());
    match vocabulary.values() {
        VocabularyValues::Int(values) => {
            hash.update("int");
            values
                .iter()
                .for_each(|value| hash.update(value.to_le_bytes()));
        }
        VocabularyValues::Float(values) => {
            hash.update("float");
            values
                .iter()
                .for_each(|value| hash.update(value.to_bits().to_le_bytes()));
        }
        VocabularyValues::Bool(values) => {
            hash.update("bool");
            values
                .iter()
                .for_each(|value| hash.update([u8::from(*value)]));
        }
        VocabularyValues::Str(texts) => {
            hash.update("str");
            for text in texts.iter() {
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text);
            }
        }
    }
    hash.update("counts");
    vocabulary
        .counts()
        .iter()
        .for_each(|count| hash.update(count.to_le_bytes()));
}

/// Names of statistics hold slashes, so files are numbered as the plan numbers them.
fn file_name(at: usize) -> String {
    format!("{at:04}.arrow")
}

fn unusable(plan: &FitPlan, what: &str) -> Diagnostic {
    Diagnostic::error(
        FITTED,
        plan.span,
        format!("the fitted statistic `{}` {what}", plan.name),
    )
}

fn batch(fitted: &Fitted) -> Result<RecordBatch, ArrowError> {
    let floats = |values: &[f64]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
    let columns: Vec<(&str, ArrayRef)> = match fitted {
        Fitted::Borders(borders) => vec![("border", floats(borders))],
        Fitted::Moments { mean, std } => vec![("mean", floats(&[*mean])), ("std", floats(&[*std]))],
        Fitted::Extent { min, max } => vec![("min", floats(&[*min])), ("max", floats(&[*max]))],
        Fitted::Matrix { values, .. } => vec![("value", floats(values))],
        Fitted::Vocab(vocabulary) => {
            let values: ArrayRef = match vocabulary.values() {
                VocabularyValues::Int(values) => Arc::new(Int64Array::from(values.clone())),
                VocabularyValues::Float(values) => floats(values),
                VocabularyValues::Bool(values) => Arc::new(BooleanArray::from(values.clone())),
                VocabularyValues::Str(texts) => {
                    Arc::new(StringArray::from_iter_values(texts.iter()))
                }
            };
            let counts: ArrayRef = Arc::new(UInt64Array::from(vocabulary.counts().to_vec()));
            vec![("value", values), ("count", counts)]
        }
        Fitted::Groups(groups) => grouped(groups.groups()),
        Fitted::Waiting => vec![(WAITING, floats(&[]))],
    };
    RecordBatch::try_from_iter(columns)
}

/// The only column of the file of a statistic that is not fitted yet.
const WAITING: &str = "waiting";

/// Groups, one a row.
fn grouped(groups: &[Group]) -> Vec<(&'static str, ArrayRef)> {
    let words = |of: fn(&Group) -> u64| -> ArrayRef {
        Arc::new(groups.iter().map(of).collect::<UInt64Array>())
    };
    let floats = |of: fn(&Group) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(groups.iter().map(of)))
    };
    let mut values = ListBuilder::new(Float64Builder::new());
    for group in groups {
        values.values().append_slice(&group.values);
        values.append(true);
    }
    vec![
        ("key_1", words(|group| group.key.0)),
        ("key_2", words(|group| group.key.1)),
        ("count", words(|group| group.count)),
        ("mean", floats(|group| group.mean)),
        ("std", floats(|group| group.std)),
        ("values", Arc::new(values.finish())),
    ]
}

fn groups(batch: &RecordBatch) -> Option<Groups> {
    let words = |name: &str| batch.column_by_name(name)?.as_primitive_opt::<UInt64Type>();
    let floats = |name: &str| {
        batch
            .column_by_name(name)?
            .as_primitive_opt::<Float64Type>()
    };
    let (first, second, count) = (words("key_1")?, words("key_2")?, words("count")?);
    let (mean, std) = (floats("mean")?, floats("std")?);
    let values = batch.column_by_name("values")?.as_list_opt::<i32>()?;
    let group = |row: usize| {
        let values = values.value(row);
        Some(Group {
            key: GroupKey(first.value(row), second.value(row)),
            count: count.value(row),
            mean: mean.value(row),
            std: std.value(row),
            values: values.as_primitive_opt::<Float64Type>()?.values().to_vec(),
        })
    };
    let groups: Option<Vec<Group>> = (0..batch.num_rows()).map(group).collect();
    groups.map(Groups::new)
}

fn fitted(batch: &RecordBatch, kind: &FitKind) -> Option<Fitted> {
    if batch.column_by_name(WAITING).is_some() {
        return Some(Fitted::Waiting);
    }
    let floats = |name: &str| -> Option<Vec<f64>> {
        Some(
            batch
                .column_by_name(name)?
                .as_primitive_opt::<Float64Type>()?
                .values()
                .to_vec(),
        )
    };
    let float = |name: &str| floats(name)?.first().copied();
    match kind {
        FitKind::Groups { .. } => groups(batch).map(Fitted::Groups),
        FitKind::Quantiles(_) => Some(Fitted::Borders(floats("border")?)),
        FitKind::Moments => Some(Fitted::Moments {
            mean: float("mean")?,
            std: float("std")?,
        }),
        FitKind::MutualInformation { fields } => {
            let (size, values) = (fields.len(), floats("value")?);
            (values.len() == size * size).then_some(Fitted::Matrix { size, values })
        }
        FitKind::Extent => Some(Fitted::Extent {
            min: float("min")?,
            max: float("max")?,
        }),
        FitKind::Vocab { oov, .. } => {
            let array = batch.column_by_name("value")?;
            let values = match array.data_type() {
                DataType::Int64 => {
                    VocabularyValues::Int(array.as_primitive_opt::<Int64Type>()?.values().to_vec())
                }
                DataType::Float64 => VocabularyValues::Float(floats("value")?),
                DataType::Boolean => {
                    VocabularyValues::Bool(array.as_boolean_opt()?.values().iter().collect())
                }
                DataType::Utf8 => {
                    VocabularyValues::Str(array.as_string_opt::<i32>()?.iter().flatten().collect())
                }
                _ => return None,
            };
            let counts = batch
                .column_by_name("count")?
                .as_primitive_opt::<UInt64Type>()?
                .values()
                .to_vec();
            Some(Fitted::Vocab(Vocabulary::new(*oov, values, counts)))
        }
    }
}
