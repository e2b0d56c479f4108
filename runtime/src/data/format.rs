//! What the name of a file says of it: how its rows are written, and how its bytes are packed.

use std::fs::File as Handle;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::delimited::Style;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Fields between separators, names in the first line.
    Delimited(Style),
    /// An object a line.
    JsonLines,
    /// Columns in row groups.
    Parquet,
    /// Columns in record batches: a file, or a stream.
    Arrow,
}

/// How bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// They are not.
    Plain,
    /// Members of gzip, one after another.
    Gzip,
    /// Frames of zstandard, one after another.
    Zstd,
}

/// The endings that files of data have, for messages.
pub(crate) const ENDINGS: &str = "names end in .csv, .tsv or .jsonl, each also packed as .gz or .zst, or in .parquet, .arrow, \
     .feather or .ipc";

/// What the ending of a name says; `None` where it says nothing. Columnar files pack their own columns.
pub(crate) fn format_of(name: &str) -> Option<(Format, Packing)> {
    let (stem, packing) = match name.rsplit_once('.') {
        Some((stem, "gz")) => (stem, Packing::Gzip),
        Some((stem, "zst" | "zstd")) => (stem, Packing::Zstd),
        Some(_) | None => (name, Packing::Plain),
    };
    let format = match stem.rsplit_once('.')?.1 {
        "csv" => Format::Delimited(Style::Csv),
        "tsv" => Format::Delimited(Style::Tsv),
        "jsonl" | "ndjson" => Format::JsonLines,
        "parquet" => Format::Parquet,
        "arrow" | "feather" | "ipc" => Format::Arrow,
        _ => return None,
    };
    let columnar = matches!(format, Format::Parquet | Format::Arrow);
    (packing == Packing::Plain || !columnar).then_some((format, packing))
}

/// The unpacked bytes of a file, at most `most` of them where a first look is enough.
///
/// # Errors
/// A file that cannot be read, or whose packed bytes are broken or end too early.
pub(crate) fn bytes(path: &Path, packing: Packing, most: Option<u64>) -> io::Result<Vec<u8>> {
    let handle = Handle::open(path)?;
    let size = handle.metadata()?.len();
    let packed = BufReader::with_capacity(1 << 16, handle);
    let reader: Box<dyn Read> = match packing {
        Packing::Plain => Box::new(packed),
        Packing::Gzip => Box::new(MultiGzDecoder::new(packed)),
        Packing::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(packed)?),
    };
    let mut bytes = Vec::new();
    if packing == Packing::Plain {
        bytes.reserve(usize::try_from(size.min(most.unwrap_or(u64::MAX))).unwrap_or(0));
    }
    let read = reader
        .take(most.unwrap_or(u64::MAX))
        .read_to_end(&mut bytes);
    match (read, packing) {
        (Ok(_), _) => Ok(bytes),
        (Err(error), Packing::Plain) => Err(error),
        (Err(error), Packing::Gzip | Packing::Zstd) => Err(io::Error::new(
            error.kind(),
            format!(
                "its packed bytes break off or are damaged after {} unpacked ones: {error}",
                bytes.len()
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_how_rows_are_written_and_packed() {
        let csv = Format::Delimited(Style::Csv);
        let expected = [
            ("a.csv", Some((csv, Packing::Plain))),
            ("a.b.csv.gz", Some((csv, Packing::Gzip))),
            (
                "a.tsv.zst",
                Some((Format::Delimited(Style::Tsv), Packing::Zstd)),
            ),
            ("a.ndjson", Some((Format::JsonLines, Packing::Plain))),
            ("a.feather", Some((Format::Arrow, Packing::Plain))),
            ("a.parquet.gz", None),
            ("a.gz", None),
            ("csv", None),
        ];
        for (name, format) in expected {
            assert_eq!(format_of(name), format, "{name}");
        }
    }
}
