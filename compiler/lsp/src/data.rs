//! What is known of the data behind a spec: the columns of its files, and the tables that a finished run has.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Looks at data files and finished runs. The server opens none itself.
pub trait Data {
    /// What a csv, tsv or parquet file holds, as far as a short look tells. `path` may be a glob or a folder: then it is the
    /// first file. `None` where there is no such file, or it cannot be read.
    fn table(&self, path: &str) -> Option<Table>;

    /// The rows of the tables by path, `movie/id`, in the newest finished run of a spec; empty where there is none.
    fn trained(&self, spec: &str) -> BTreeMap<String, usize>;
}

/// Nothing is known of any data.
#[derive(Clone, Copy, Debug)]
pub struct Unknown;

impl Data for Unknown {
    fn table(&self, _: &str) -> Option<Table> {
        None
    }

    fn trained(&self, _: &str) -> BTreeMap<String, usize> {
        BTreeMap::new()
    }
}

/// What a data file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The file's name without folders.
    pub name: String,
    /// How many rows it has.
    pub rows: Rows,
    /// Its columns in order.
    pub columns: Vec<Column>,
}

/// A number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Counted.
    Exactly(usize),
    /// Estimated from the length of the first ones.
    About(usize),
    /// Not to be told from a short look.
    Unknown,
}

/// A column of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The type with which a spec would declare it: `int`, `str?`.
    pub ty: String,
    /// What its first values are, where they were looked at.
    pub seen: Option<Seen>,
}

/// What the first values of a column are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Rows looked at.
    pub rows: usize,
    /// Of these, the ones without a value.
    pub empty: usize,
    /// Different values.
    pub distinct: usize,
    /// The most frequent ones, most frequent first.
    pub often: Vec<String>,
}

/// All that is known of the data behind one spec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The files of the sources, by the names of the sources.
    pub tables: BTreeMap<String, Arc<Table>>,
    /// The rows of the tables of its newest finished run.
    pub trained: Arc<BTreeMap<String, usize>>,
}

impl Known {
    /// The rows of a feature's table, `movie/id`: in the space of the program, else in that of the first tower by name.
    pub fn trained_rows(&self, table: &str) -> Option<usize> {
        let of_program = self.trained.get(&format!("main/{table}"));
        let mut others = self.trained.iter();
        let mut of_tower = || others.find(|(path, _)| path.ends_with(&format!("/{table}")));
        of_program
            .or_else(|| of_tower().map(|(_, rows)| rows))
            .copied()
    }

    /// A column of a source.
    pub fn column(&self, source: &str, name: &str) -> Option<&Column> {
        let mut columns = self.tables.get(source)?.columns.iter();
        columns.find(|column| column.name == name)
    }
}

/// What was looked at while documents are open, so that an edit looks at nothing again.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    tables: BTreeMap<String, Option<Arc<Table>>>,
    trained: BTreeMap<String, Arc<BTreeMap<String, usize>>>,
}

impl Looked {
    /// Forgets everything: files may have changed.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// What is known of a spec, by the names of its sources and what they are read from.
    pub(crate) fn known(
        &mut self,
        data: &dyn Data,
        spec: &str,
        sources: &[(String, Vec<String>)],
    ) -> Known {
        let folder = spec.rsplit_once('/').map(|(folder, _)| folder);
        let mut known = Known::default();
        for (source, paths) in sources {
            let Some(path) = paths.first() else { continue };
            let path = match folder {
                Some(folder) if !path.starts_with('/') => format!("{folder}/{path}"),
                _ => path.clone(),
            };
            let table = self.tables.entry(path);
            let table = table.or_insert_with_key(|path| data.table(path).map(Arc::new));
            if let Some(table) = table {
                known.tables.insert(source.clone(), Arc::clone(table));
            }
        }
        let trained = self.trained.entry(spec.to_owned());
        known.trained = Arc::clone(trained.or_insert_with_key(|spec| Arc::new(data.trained(spec))));
        known
    }
}
