//! Runs over events that lie in several files.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use reckon_runtime::observer::Recorder;

use crate::StopAfter;
use crate::bits::{assert_same, bits};
use crate::fixture::{World, plan};

/// Ratings a file, of 800.
const ROWS: usize = 300;

/// The ratings of the world once more, cut into three files of this ending.
fn write_parts(world: &World, ending: &str) {
    let text = fs::read_to_string(world.path("ratings.csv")).unwrap();
    let (names, rows) = text.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    for (part, rows) in rows.chunks(ROWS).enumerate() {
        let path = world.path(&format!("part-{part}.{ending}"));
        if ending == "csv" {
            fs::write(path, format!("{names}\n{}\n", rows.join("\n"))).unwrap();
        } else {
            fs::write(path, parquet(names, rows)).unwrap();
        }
    }
}

/// Whole numbers as a parquet file of several row groups.
fn parquet(names: &str, rows: &[&str]) -> Vec<u8> {
    let columns = names.split(',').enumerate().map(|(at, name)| {
        let cells = rows.iter().map(|row| row.split(',').nth(at).unwrap());
        let values: Int64Array = cells.map(|cell| cell.parse::<i64>().ok()).collect();
        (name, Arc::new(values) as ArrayRef)
    });
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(64))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn shuffled_rows_of_several_files_come_in_the_same_order_after_a_resume_and_from_every_format() {
    let world = World::new();
    let weights =
        |out: &str| fs::read(world.path(out).join("checkpoint/weights.safetensors")).unwrap();
    let mut plan = plan(4, None);
    world
        .run(&plan, "one_file", |_| {}, &mut Recorder::default())
        .unwrap();
    for ending in ["csv", "parquet"] {
        write_parts(&world, ending);
        plan.sources[2].paths = vec![format!("part-*.{ending}")];
        let (whole, parts) = (format!("whole_{ending}"), format!("parts_{ending}"));
        world
            .run(&plan, &whole, |_| {}, &mut Recorder::default())
            .unwrap();
        let mut stop = StopAfter {
            epoch: 2,
            flag: &world.interrupted,
        };
        world.stopped(&plan, &parts, &mut stop);
        world.resumed(&plan, &parts);
        assert_same(&bits(&world.path(&whole)), &bits(&world.path(&parts)));
        assert!(weights("one_file") == weights(&whole), "{ending}");
    }
}
