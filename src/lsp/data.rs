//! What data files hold, from a short look at their beginnings, and what the newest run of a spec has learned.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use reckon_lsp::data::{Column, Data, Rows, Seen, Table};

use super::parquet;
use reckon_command::new::guess::{is_named_like_a_time, time_type};
use reckon_command::new::profile;
use reckon_command::spec::rows_of_run;

/// So much of a text file is looked at, in bytes.
const LOOK: usize = 1 << 20;

/// So many of the most frequent values are shown.
const OFTEN: usize = 3;

/// Longer values are no help to read.
const LONG: usize = 24;

/// The data files and runs of this machine.
pub(super) struct Disk;

impl Data for Disk {
    fn table(&self, path: &str) -> Option<Table> {
        let path = first_file(Path::new(path))?;
        match path.extension()?.to_str()? {
            "csv" => text(&path, b','),
            "tsv" => text(&path, b'\t'),
            "parquet" => parquet::table(&path),
            _ => None,
        }
    }

    fn trained(&self, spec: &str) -> BTreeMap<String, usize> {
        let spec = Path::new(spec);
        let beside = spec.parent().map(|folder| folder.join("runs"));
        let here = std::env::current_dir().map(|folder| folder.join("runs"));
        let newest = beside
            .into_iter()
            .chain(here)
            .filter_map(|runs| newest_run(&runs, spec))
            .max();
        newest.map_or_else(BTreeMap::new, |(_, run)| rows_of_run(&run))
    }
}

/// The file itself; of a folder or glob, the first by name that the ending tells to be data.
fn first_file(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let (folder, pattern) = match (path.is_dir(), name.split_once('*')) {
        (true, _) => (path, ("", "")),
        (false, Some(ends)) => (path.parent()?, ends),
        (false, None) => return Some(path.to_owned()),
    };
    let (start, end) = pattern;
    let names = fs::read_dir(folder).ok()?.filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        let ending = Path::new(&name).extension()?.to_str()?;
        let fits = matches!(ending, "csv" | "tsv" | "parquet")
            && name.len() >= start.len() + end.len()
            && name.starts_with(start)
            && name.ends_with(end.trim_start_matches('*'));
        fits.then_some(name)
    });
    names.min().map(|name| folder.join(name))
}

/// The newest finished run of a spec in a folder of runs, with when it told its facts.
fn newest_run(runs: &Path, spec: &Path) -> Option<(std::time::SystemTime, PathBuf)> {
    let name = spec.file_name()?;
    let runs = fs::read_dir(runs).ok()?.filter_map(|entry| {
        let run = entry.ok()?.path();
        let is_of_spec = run.join("spec").join(name).is_file();
        let told = fs::metadata(run.join("facts.json")).ok()?.modified().ok()?;
        is_of_spec.then_some((told, run))
    });
    runs.max()
}

fn text(path: &Path, separator: u8) -> Option<Table> {
    let length = usize::try_from(fs::metadata(path).ok()?.len()).ok()?;
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(LOOK as u64)
        .read_to_end(&mut bytes)
        .ok()?;
    if bytes.len() < length {
        // The last line may be cut.
        let end = bytes.iter().rposition(|byte| *byte == b'\n')?;
        bytes.truncate(end + 1);
    }
    let looked = bytes.len();
    let name = path.file_name()?.to_str()?.to_owned();
    let header = header(&bytes, separator);
    let Ok(profile) = profile::Table::from_text(path, bytes, separator) else {
        // Without rows, or with rows of several lengths, the names are all that can be told.
        return Some(Table {
            name,
            rows: Rows::Unknown,
            columns: header?,
        });
    };
    let rows = match looked == length {
        true => Rows::Exactly(profile.rows),
        false => Rows::About(rounded(length as f64 / looked as f64 * profile.rows as f64)),
    };
    let columns = profile.columns.iter();
    Some(Table {
        name,
        rows,
        columns: columns
            .map(|column| described(column, profile.rows))
            .collect(),
    })
}

/// The names in the first line.
fn header(bytes: &[u8], separator: u8) -> Option<Vec<Column>> {
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.trim_end();
    let names = line
        .trim_start_matches('\u{feff}')
        .split(char::from(separator));
    let column = |name: &str| Column {
        name: name.trim_matches('"').to_owned(),
        ty: "str".to_owned(),
        seen: None,
    };
    Some(names.filter(|name| !name.is_empty()).map(column).collect())
}

/// An estimate as far as it can be trusted: two digits.
fn rounded(estimate: f64) -> usize {
    let unit = 10f64.powf((estimate.max(1.0).log10().floor() - 1.0).max(0.0));
    ((estimate / unit).round() * unit) as usize
}

fn described(column: &profile::Column, rows: usize) -> Column {
    let plain = column.kind.written();
    let ty = match is_named_like_a_time(&column.name) {
        true => time_type(column).unwrap_or_else(|| plain.to_owned()),
        false => plain.to_owned(),
    };
    let mut often: Vec<(&String, &usize)> = column.values.iter().collect();
    often.sort_by_key(|(value, count)| (std::cmp::Reverse(**count), *value));
    let full: usize = column.values.values().sum();
    let short = often
        .iter()
        .filter(|(value, _)| value.chars().count() <= LONG);
    Column {
        name: column.name.clone(),
        ty: format!("{ty}{}", if column.nullable { "?" } else { "" }),
        seen: Some(Seen {
            rows,
            empty: rows - full,
            distinct: column.values.len(),
            often: short
                .take(OFTEN)
                .map(|(value, _)| (*value).clone())
                .collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csv_tells_rows_types_and_frequent_values() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ratings.csv");
        let rows = "1,4.5,,978300760,drama\n2,3,x,978300761,drama\n1,5,x,978300762,crime\n";
        fs::write(&path, format!("user_id,stars,note,at,genre\n{rows}")).expect("a file");
        let table = Disk.table(path.to_str().expect("a name")).expect("a table");
        assert_eq!(table.rows, Rows::Exactly(3));
        let columns = table.columns.iter();
        let columns: Vec<String> = columns.map(|c| format!("{}: {}", c.name, c.ty)).collect();
        assert_eq!(
            columns,
            [
                "user_id: int",
                "stars: float",
                "note: str?",
                "at: time",
                "genre: str"
            ]
        );
        let genre = table.columns[4].seen.as_ref().expect("it was looked at");
        assert_eq!((genre.distinct, &genre.often[0][..]), (2, "drama"));
        let note = table.columns[2].seen.as_ref().expect("it was looked at");
        assert_eq!(note.empty, 1);
    }

    #[test]
    fn the_rows_of_a_long_file_are_estimated_from_its_beginning() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("long.tsv");
        let row = format!("{}\t1\n", "x".repeat(100));
        fs::write(&path, format!("text\tn\n{}", row.repeat(30_000))).expect("a file");
        let table = Disk.table(path.to_str().expect("a name")).expect("a table");
        assert_eq!(table.rows, Rows::About(30_000));
    }

    #[test]
    fn a_file_with_a_header_alone_tells_its_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("empty.csv");
        fs::write(&path, "user_id,stars\n").expect("a file");
        let table = Disk.table(path.to_str().expect("a name")).expect("a table");
        let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(
            (table.rows, &names[..]),
            (Rows::Unknown, &["user_id", "stars"][..])
        );
    }

    #[test]
    fn a_folder_or_glob_is_its_first_file() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, column) in [
            ("b.csv", "second"),
            ("a.csv", "first"),
            ("note.txt", "none"),
        ] {
            fs::write(folder.path().join(name), format!("{column}\n1\n")).expect("a file");
        }
        for path in [folder.path().to_owned(), folder.path().join("*.csv")] {
            let table = Disk.table(path.to_str().expect("a name")).expect("a table");
            assert_eq!(table.columns[0].name, "first");
        }
        assert_eq!(Disk.table("no/such.csv"), None);
    }

    #[test]
    fn the_newest_run_of_a_spec_tells_the_rows_of_its_tables() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = |name: &str, spec: &str, rows: usize| {
            let run = folder.path().join("runs").join(name);
            fs::create_dir_all(run.join("spec")).expect("a folder");
            fs::write(run.join("spec").join(spec), "").expect("a file");
            let facts = format!("{{\"tables\":{{\"movie/id\":{rows}}}}}");
            fs::write(run.join("facts.json"), facts).expect("a file");
        };
        run("main-1", "main.rec", 7);
        run("other-1", "other.rec", 9);
        let spec = folder.path().join("main.rec");
        let trained = Disk.trained(spec.to_str().expect("a name"));
        assert_eq!(trained, BTreeMap::from([("movie/id".to_owned(), 7)]));
    }
}
