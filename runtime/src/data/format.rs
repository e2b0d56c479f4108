//! What the name of a file says of it: how its rows are written, and how its bytes are packed.

use std::fs::File as Handle;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// What a file is by its first bytes where that is not what its name says, with an ending that would fit; `None` where both agree
/// or nothing can be told.
pub(crate) fn belied(
    path: &Path,
    (format, packing): (Format, Packing),
) -> Option<(&'static str, &'static str)> {
    let mut head = Vec::new();
    let read = Handle::open(path).and_then(|handle| handle.take(512).read_to_end(&mut head));
    let is_text = |byte: &u8| *byte >= 32 || byte.is_ascii_whitespace();
    if read.is_err() || head.is_empty() || packing != Packing::Plain {
        return None;
    }
    let columnar = matches!(format, Format::Parquet | Format::Arrow);
    if head.iter().all(is_text) {
        let is_object = head.trim_ascii_start().starts_with(b"{");
        let ending = if is_object { ".jsonl" } else { ".csv" };
        return columnar.then_some(("text", ending));
    }
    let known: [(&[u8], Format, _); 2] = [
        (b"PAR1", Format::Parquet, ("a parquet file", ".parquet")),
        (b"ARROW1", Format::Arrow, ("an arrow file", ".arrow")),
    ];
    let begun = known
        .into_iter()
        .find(|(magic, ..)| head.starts_with(magic));
    match begun {
        Some((_, found, what)) => (found != format).then_some(what),
        None if columnar => None,
        None if head.starts_with(&[0x1f, 0x8b]) => Some(("packed by gzip", ".csv.gz")),
        None if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) => {
            Some(("packed by zstandard", ".csv.zst"))
        }
        None => None,
    }
}

/// The bytes of a file, unpacked as they are read.
pub(crate) struct Unpacked {
    reader: Reader,
    packing: Packing,
    /// How many bytes of the file are read.
    packed: Arc<AtomicU64>,
    size: u64,
    unpacked: u64,
}

/// Unpacks what it reads, or reads it as it is.
type Reader = Box<dyn Read + Send>;

/// A file that counts the bytes read of it.
struct Counted {
    handle: Handle,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.handle.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Unpacked {
    /// # Errors
    /// A file that cannot be opened, or does not begin as packed bytes do.
    pub(crate) fn open(path: &Path, packing: Packing) -> io::Result<Self> {
        let handle = Handle::open(path)?;
        let size = handle.metadata()?.len();
        let packed = Arc::new(AtomicU64::new(0));
        let read = Arc::clone(&packed);
        let counted = BufReader::with_capacity(1 << 16, Counted { handle, read });
        let reader: Reader = match packing {
            Packing::Plain => Box::new(counted),
            Packing::Gzip => Box::new(MultiGzDecoder::new(counted)),
            Packing::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(counted)?),
        };
        Ok(Self {
            reader,
            packing,
            packed,
            size,
            unpacked: 0,
        })
    }

    /// How many bytes of the file are read.
    pub(crate) fn packed_read(&self) -> u64 {
        self.packed.load(Ordering::Relaxed)
    }

    /// How many bytes the file has.
    pub(crate) fn packed_size(&self) -> u64 {
        self.size
    }
}

impl Read for Unpacked {
    /// # Errors
    /// A file that cannot be read, or whose packed bytes are broken or end too early.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (self.reader.read(buffer), self.packing) {
            (Ok(read), _) => {
                self.unpacked += read as u64;
                Ok(read)
            }
            (Err(error), Packing::Plain) => Err(error),
            (Err(error), Packing::Gzip | Packing::Zstd) => Err(io::Error::new(
                error.kind(),
                format!(
                    "its packed bytes break off or are damaged after {} unpacked ones: {error}",
                    self.unpacked
                ),
            )),
        }
    }
}

/// All unpacked bytes of a file.
///
/// # Errors
/// A file that cannot be read, or whose packed bytes are broken or end too early.
pub(crate) fn bytes(path: &Path, packing: Packing) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Unpacked::open(path, packing)?.read_to_end(&mut bytes)?;
    Ok(bytes)
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
