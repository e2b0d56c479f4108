//! Files of vectors, with which tables begin.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use reckon_compiler::plan::{Plan, TableRows, VectorsPlan};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::{Column, Data, Fitted, Lists, Vocabulary, VocabularyValues};
use serde::Serialize;

use super::Dataset;
use super::fault::{
    DUPLICATE_KEY, Faults, NO_COLUMN, NULL, PLAN, UNLIKE_VECTORS, WRONG_TYPE, WRONG_WIDTH,
};
use super::keys::Keys;
use super::source;
use super::table::{self, Table};

/// How many values of a vocabulary have vectors in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VectorsReport {
    /// The table that begins with them.
    pub table: String,
    /// Vectors in the file.
    pub vectors: usize,
    /// Values of the vocabulary with a vector.
    pub found: usize,
    /// Values of the vocabulary without.
    pub missing: usize,
}

impl VectorsReport {
    /// How specs call the feature: `movie.id`.
    pub fn feature(&self) -> String {
        feature(&self.table)
    }
}

fn feature(table: &str) -> String {
    table.trim_start_matches("main/").replace('/', ".")
}

/// The vectors of a file by their keys.
#[derive(Debug)]
pub(super) struct Vectors {
    keys: Keys,
    rows: usize,
    values: Vec<f32>,
    width: usize,
}

impl Vectors {
    /// The vectors of these values of a vocabulary, those of which there are any, by their places among them.
    fn of<'v>(
        &'v self,
        values: &VocabularyValues,
    ) -> impl Iterator<Item = (usize, &'v [f32])> + use<'v> {
        let column = match values {
            VocabularyValues::Int(values) => Column::new(Data::Int(values.clone())),
            VocabularyValues::Str(texts) => Column::new(Data::Str(texts.clone())),
            // The checker lets texts and whole numbers through.
            VocabularyValues::Float(_) | VocabularyValues::Bool(_) => {
                Column::new(Data::Int(Vec::new()))
            }
        };
        (0..column.len()).filter_map(move |place| {
            let row = self.keys.find(&[&column], place)? as usize;
            let vector = self.values.get(row * self.width..(row + 1) * self.width)?;
            Some((place, vector))
        })
    }
}

/// Reads the files of vectors of a plan, each once for each way in which it is read.
pub(super) fn read(
    plan: &Plan,
    root: &Path,
) -> Result<BTreeMap<String, Arc<Vectors>>, Vec<Diagnostic>> {
    let mut asked: BTreeMap<_, (&VectorsPlan, Vec<&String>)> = BTreeMap::new();
    for (table, of) in &plan.vectors {
        let keys = of.file.columns.first().map(|column| column.ty.to_string());
        let way = (&of.file.paths, &of.file.key, keys, &of.column, of.width);
        asked.entry(way).or_insert((of, Vec::new())).1.push(table);
    }
    let files: Vec<_> = asked.into_values().collect();
    let read: Vec<Result<Vectors, Vec<Diagnostic>>> = files
        .par_iter()
        .map(|(of, _)| {
            let read = table::read(&of.file, root).and_then(|table| vectors(of, table));
            read.map_err(undeclared)
        })
        .collect();
    let (mut found, mut sink) = (BTreeMap::new(), Vec::new());
    for ((_, tables), read) in files.into_iter().zip(read) {
        match read {
            Ok(vectors) => {
                let vectors = Arc::new(vectors);
                found.extend(
                    tables
                        .into_iter()
                        .map(|table| (table.clone(), vectors.clone())),
                );
            }
            Err(mut faults) => sink.append(&mut faults),
        }
    }
    super::stop_on_error(sink)?;
    Ok(found)
}

/// What is wrong with a file of vectors.
pub(super) fn faults(of: &VectorsPlan, table: Table) -> Vec<Diagnostic> {
    undeclared(vectors(of, table).err().unwrap_or_default())
}

/// What is wrong with a file that is named in a call and declared nowhere: help that leads to a declaration would mislead.
pub(super) fn undeclared(mut faults: Vec<Diagnostic>) -> Vec<Diagnostic> {
    for fault in &mut faults {
        let help = match fault.code {
            NO_COLUMN if fault.help.is_none() => {
                "name the column of values by `key: \"...\"`, and that of vectors by `vector: \"...\"`"
            }
            WRONG_TYPE | NULL | DUPLICATE_KEY => {
                "mend the file: each row has a value of the vocabulary, and the vector of that value"
            }
            _ => continue,
        };
        fault.help = Some(help.to_owned());
    }
    faults
}

/// The vectors of a file, each of which has the width that is asked for.
fn vectors(of: &VectorsPlan, mut table: Table) -> Result<Vectors, Vec<Diagnostic>> {
    let column = table.columns.remove(&of.column).map(|column| column.data);
    let Some(Data::List(lists)) = column else {
        return Err(vec![no_vectors(of)]);
    };
    let mut sink = Vec::new();
    widths(of, &table, &lists, &mut sink);
    super::stop_on_error(std::mem::take(&mut sink))?;
    let Data::Float(numbers) = *lists.values else {
        return Err(vec![no_vectors(of)]);
    };
    let values: Vec<f32> = numbers.iter().map(|number| *number as f32).collect();
    let mut beyond = Faults::new(WRONG_TYPE, of.span);
    for at in (0..values.len()).filter(|at| !values[*at].is_finite()) {
        beyond.add(|| {
            let place = table.place(at / of.width);
            format!(
                "{place}: {:e} of `{}` is no number of 32 bits",
                numbers[at], of.column
            )
        });
    }
    beyond.tell(&mut sink, None);
    let file = source::entity(&of.file, table, &mut sink);
    super::stop_on_error(sink)?;
    Ok(Vectors {
        keys: file.keys.ok_or_else(|| vec![no_vectors(of)])?,
        rows: file.rows,
        values,
        width: of.width,
    })
}

fn no_vectors(of: &VectorsPlan) -> Diagnostic {
    let message = format!("internal: {} have no keys or no numbers", of.file.name);
    Diagnostic::error(PLAN, of.span, message)
}

/// Says which lists have another width than is asked for.
fn widths(of: &VectorsPlan, table: &Table, lists: &Lists, sink: &mut Vec<Diagnostic>) {
    let found = || lists.offsets.windows(2).map(|ends| ends[1] - ends[0]);
    let mut wrong = Faults::new(WRONG_WIDTH, of.span);
    for (row, numbers) in found()
        .enumerate()
        .filter(|(_, numbers)| *numbers != of.width)
    {
        wrong.add(|| {
            let (place, asked) = (table.place(row), of.width);
            format!(
                "{place}: `{}` has {numbers} numbers, and {asked} are asked for",
                of.column
            )
        });
    }
    let first = found().next().unwrap_or(0);
    let help = match found().all(|numbers| numbers == first) {
        true => format!("write {first} as the width of `pretrained`"),
        false => "all vectors of a file have one width".to_owned(),
    };
    wrong.tell(sink, Some(&help));
}

impl Dataset {
    /// The rows of a table from `first` on that begin with a vector of a file, with those vectors back to back; `None` where the
    /// table begins with none.
    pub(crate) fn vectors(
        &self,
        table: &str,
        rows: &TableRows,
        first: usize,
    ) -> Option<(Vec<i64>, Vec<f32>)> {
        let vectors = self.vectors.get(table)?;
        let vocabulary = self.vocabulary(rows)?;
        let (mut places, mut values) = (Vec::new(), Vec::new());
        for (place, vector) in vectors.of(vocabulary.values()) {
            let row = vocabulary.unknown() + place;
            if row >= first {
                places.push(row as i64);
                values.extend_from_slice(vector);
            }
        }
        Some((places, values))
    }

    fn vocabulary(&self, rows: &TableRows) -> Option<&Vocabulary> {
        match rows {
            TableRows::Vocabulary(fit) => match self.fits.get(*fit) {
                Some(Fitted::Vocab(vocabulary)) => Some(vocabulary),
                Some(_) | None => None,
            },
            TableRows::Fixed(_) => None,
        }
    }

    /// How many values of vocabularies have vectors, of those that are fitted.
    ///
    /// # Errors
    /// A file with vectors of other things.
    pub(super) fn compare_vectors(
        &self,
        plan: &Plan,
    ) -> Result<Vec<VectorsReport>, Vec<Diagnostic>> {
        let (mut reports, mut sink) = (Vec::new(), Vec::new());
        for (table, of) in &plan.vectors {
            let vocabulary = plan
                .tables
                .get(table)
                .and_then(|rows| self.vocabulary(rows));
            let (Some(vectors), Some(vocabulary)) = (self.vectors.get(table), vocabulary) else {
                continue;
            };
            let found = vectors.of(vocabulary.values()).count();
            let values = vocabulary.counts().len();
            if found == 0 && values > 0 {
                sink.push(of_other_things(table, of, vocabulary));
            }
            reports.push(VectorsReport {
                table: table.clone(),
                vectors: vectors.rows,
                found,
                missing: values - found,
            });
        }
        super::stop_on_error(sink)?;
        Ok(reports)
    }
}

fn of_other_things(table: &str, of: &VectorsPlan, vocabulary: &Vocabulary) -> Diagnostic {
    let file = of.file.paths.join(", ");
    let message = format!(
        "none of the {} values of `{}` has a vector in {file}",
        vocabulary.counts().len(),
        feature(table)
    );
    Diagnostic::error(UNLIKE_VECTORS, of.span, message).help(format!(
        "the values are looked for in its column `{}`; another is named by `key: \"...\"`",
        of.file.key.join(", ")
    ))
}
