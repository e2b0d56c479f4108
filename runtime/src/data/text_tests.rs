use std::collections::BTreeSet;
use std::io::Write;

use proptest::prelude::*;
use reckon_compiler::plan::row::{RowKind, RowType};
use reckon_compiler::plan::{BadRows, ColumnPlan, Immature, SkipLimit, SourceKind, TimeFormat};
use reckon_grammar::span::{FileId, Span};
use reckon_kernel::Data;

use super::super::bad::settle;
use super::super::table::Table;
use super::*;

const CSV: Option<Style> = Some(Style::Csv);
const TSV: Option<Style> = Some(Style::Tsv);
const OBJECTS: Option<Style> = None;
/// All of a file in one piece.
const WHOLE: (usize, usize) = (1 << 20, 1);

fn plan(on_bad_row: BadRows) -> SourcePlan {
    let span = Span::new(FileId(0), 0, 0);
    SourcePlan {
        name: "thing".to_owned(),
        kind: SourceKind::Entity,
        paths: Vec::new(),
        columns: vec![ColumnPlan {
            name: "id".to_owned(),
            ty: RowType::new(RowKind::Str),
            time: TimeFormat::default(),
            nulls: Vec::new(),
            joined: None,
            known: Vec::new(),
            span,
        }],
        key: vec!["id".to_owned()],
        references: Vec::new(),
        time: None,
        versions: None,
        computed: Vec::new(),
        condition: None,
        unique: Vec::new(),
        on_bad_row,
        immature: Immature::Drop,
        span,
    }
}

/// What reading gives: each row with the line on which it begins, or what is wrong.
type Rows = Result<Vec<(String, Option<usize>)>, Vec<String>>;

/// Reads a file of these bytes, with the number of pieces that it was read in.
fn read_packed(
    bytes: &[u8],
    packing: Packing,
    style: Option<Style>,
    (piece, pieces): (usize, usize),
    on_bad_row: BadRows,
) -> (usize, Rows) {
    let mut on_disk = tempfile::NamedTempFile::new().unwrap();
    on_disk.write_all(bytes).unwrap();
    let file = File {
        name: "a".to_owned(),
        path: on_disk.path().to_owned(),
    };
    let (plan, mut table) = (plan(on_bad_row), Table::default());
    let unread = BTreeSet::new();
    let mut taken = Taken::new((&plan, None), &mut table, &unread);
    let size = Size { piece, pieces };
    let windows = Windows::open(&file.path, packing, style, (size, None)).unwrap();
    let read = in_windows(&plan, &file, (windows, style), &mut taken);
    let of_file = taken.pieces();
    let mut sink = read.err().unwrap_or_default();
    if sink.is_empty() {
        settle(&plan, &of_file, &mut sink);
    }
    if !sink.is_empty() {
        let said = |fault: Diagnostic| format!("{} {:?}", fault.message, fault.notes);
        return (of_file.len(), Err(sink.into_iter().map(said).collect()));
    }
    let texts = match table.columns.get("id").map(|column| &column.data) {
        Some(Data::Str(texts)) => texts.iter().map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let rows = texts.into_iter().enumerate();
    let rows = rows.map(|(row, text)| (text, table.place(row).line));
    (of_file.len(), Ok(rows.collect()))
}

fn read(bytes: &[u8], style: Option<Style>, size: (usize, usize)) -> (usize, Rows) {
    read_packed(bytes, Packing::Plain, style, size, BadRows::Fail)
}

#[test]
fn a_text_read_in_pieces_has_the_rows_and_lines_of_the_whole() {
    let lines: Vec<String> = (0..50)
        .map(|row| format!("thing {row}{}", "\n".repeat(row % 3)))
        .collect();
    let fields = format!("id\n{}\n", lines.join("\n"));
    let objects = lines.iter().map(|line| {
        let id = line.trim_end();
        format!("{{\"id\": \"{id}\"}}{}", &line[id.len()..])
    });
    let objects = objects.collect::<Vec<_>>().join("\n");
    for (text, style) in [(&fields, CSV), (&fields, TSV), (&objects, OBJECTS)] {
        let (whole, cut) = (
            read(text.as_bytes(), style, WHOLE),
            read(text.as_bytes(), style, (64, 2)),
        );
        assert_eq!(whole.0, 1);
        assert!(cut.0 > 5, "{}", cut.0);
        assert_eq!(whole.1, cut.1);
        assert_eq!(cut.1.unwrap().len(), 50);
    }
}

#[test]
fn a_piece_ends_in_no_quoted_field() {
    let text = format!("id\n{}\n", vec!["\"two\n\"\"lines\"\"\""; 20].join("\n"));
    for piece in 1..40 {
        let (count, rows) = read(text.as_bytes(), CSV, (piece, 2));
        let rows = rows.unwrap();
        assert!(count > 5, "{count} pieces of {piece} bytes");
        assert_eq!(rows.len(), 20);
        assert_eq!(rows[1], ("two\n\"lines\"".to_owned(), Some(4)));
    }
}

#[test]
fn a_quoted_field_may_be_longer_than_a_window() {
    let long = "line\n".repeat(400);
    let text = format!("id\nfirst\n\"{long}\"\nlast\n");
    let rows = read(text.as_bytes(), CSV, (64, 2)).1.unwrap();
    let expected = [
        ("first".to_owned(), Some(2)),
        (long, Some(3)),
        ("last".to_owned(), Some(404)),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn quotes_within_a_plain_field_hold_no_line() {
    let text = format!("id\n{}", "a\"\nb\"c\n".repeat(20));
    let (count, rows) = read(text.as_bytes(), CSV, (16, 2));
    assert!(count > 5, "{count}");
    assert_eq!(rows.unwrap()[1], ("b\"c".to_owned(), Some(3)));
}

#[test]
fn a_byte_order_mark_is_skipped_before_a_quoted_name() {
    let text = "\u{feff}\"id\"\r\n\"x\r\ny\"\r\nz";
    for piece in 3..20 {
        let expected = [("x\r\ny".to_owned(), Some(2)), ("z".to_owned(), Some(4))];
        assert_eq!(read(text.as_bytes(), CSV, (piece, 1)).1.unwrap(), expected);
    }
}

#[test]
fn an_open_quote_in_a_later_piece_is_told_by_its_line() {
    let text = format!("id\n{}\"open\n{}", "a\n".repeat(30), "b\n".repeat(30));
    let said = read(text.as_bytes(), CSV, (8, 2)).1.unwrap_err();
    assert_eq!(said, ["a line 32: a quoted field has no end []"]);
}

#[test]
fn bytes_that_are_no_text_are_told_by_the_line_of_the_file() {
    let bytes = [b"id\n", "é\n".repeat(30).as_bytes(), b"\xff\n\xc3\nb\n"].concat();
    let said = read(&bytes, CSV, (7, 2)).1.unwrap_err();
    assert_eq!(
        said,
        [
            "a row 31 (line 32): byte 0xff is not UTF-8 []",
            "a row 32 (line 33): byte 0xc3 is not UTF-8 []"
        ]
    );
}

#[test]
fn a_packed_file_is_read_in_pieces_too() {
    let text = format!("id\n{}", "\"a\nb\"\nc\n".repeat(500));
    let packed = zstd::encode_all(text.as_bytes(), 3).unwrap();
    let read = |bytes: &[u8], packing, size| read_packed(bytes, packing, CSV, size, BadRows::Fail);
    let (count, rows) = read(&packed, Packing::Zstd, (100, 2));
    assert!(count > 20, "{count}");
    assert_eq!(rows, read(text.as_bytes(), Packing::Plain, WHOLE).1);
    let broken = &packed[..packed.len() - 2];
    let said = read(broken, Packing::Zstd, (100, 2)).1.unwrap_err();
    assert!(
        said[0].contains("break off or are damaged after"),
        "{said:?}"
    );
}

#[test]
fn a_beginning_ends_with_a_record() {
    let mut on_disk = tempfile::NamedTempFile::new().unwrap();
    on_disk.write_all(b"id\na\n\"b\nc\"\nd\n").unwrap();
    let beginning = |most: usize| {
        let size = Size {
            piece: 3,
            pieces: 1,
        };
        let limits = (size, Some(most));
        let mut windows = Windows::open(on_disk.path(), Packing::Plain, CSV, limits).unwrap();
        let mut all = String::new();
        while let Some(window) = windows.next().unwrap() {
            let pieces = window.pieces().into_iter();
            let texts = pieces.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned());
            all.extend(texts);
        }
        all
    };
    assert_eq!(beginning(4), "id\n");
    assert_eq!(beginning(8), "id\na\n");
    assert_eq!(beginning(11), "id\na\n\"b\nc\"\n");
    assert_eq!(beginning(100), "id\na\n\"b\nc\"\nd\n");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever a file holds, and wherever it is cut, the same rows come of it, on the same lines, with the same faults.
    #[test]
    fn borders_show_nowhere(
        bytes in prop::collection::vec(
            prop::sample::select(b"\"\"\",\t\n\n\rx\xc3\xa9\xff {}".to_vec()),
            0..60,
        ),
        piece in 1_usize..20,
        pieces in 1_usize..4,
        skips in any::<bool>(),
    ) {
        let policy = || match skips {
            true => BadRows::Skip(SkipLimit::Share(1.0)),
            false => BadRows::Fail,
        };
        for (style, header) in [(CSV, "id,\"n\"\n"), (CSV, "id\n"), (TSV, "id\n"), (OBJECTS, "{\"id\": \"x\"}\n")] {
            let bytes = [header.as_bytes(), &bytes].concat();
            let read = |size| read_packed(&bytes, Packing::Plain, style, size, policy()).1;
            prop_assert_eq!(read((piece, pieces)), read(WHOLE));
        }
    }
}
