//! A profile in Chrome's trace format, for `about:tracing` and Perfetto.

use std::time::Duration;

use reckon_grammar::span::Sources;
use serde_json::{Value, json};

use super::{Sample, Section, Timed, line_of};

/// One event for each node of the runs that were kept, inside one for the run. Each section has a row of its own.
pub(super) fn events(sections: &[Section], sources: &Sources) -> Value {
    let mut events = Vec::new();
    for (at, section) in sections.iter().enumerate() {
        let row = at + 1;
        events.push(json!({
            "name": "thread_name", "ph": "M", "pid": 1, "tid": row, "args": { "name": section.title },
        }));
        for program in &section.programs {
            for sample in &program.samples {
                add(&mut events, row, program, sample, sources);
            }
        }
    }
    json!({ "displayTimeUnit": "ms", "traceEvents": events })
}

fn add(events: &mut Vec<Value>, row: usize, program: &Timed, sample: &Sample, sources: &Sources) {
    let graph = &program.graph;
    events.push(json!({
        "name": graph.name, "cat": "program", "ph": "X", "pid": 1, "tid": row,
        "ts": microseconds(sample.began), "dur": microseconds(sample.time),
        "args": { "run": sample.run },
    }));
    for timed in &sample.nodes {
        let node = graph.node(timed.node);
        let op = node.op.entry().name;
        events.push(json!({
            "name": op, "cat": "node", "ph": "X", "pid": 1, "tid": row,
            "ts": microseconds(sample.began + timed.began), "dur": microseconds(timed.time),
            "args": {
                "op": op,
                "type": node.ty.show(&graph.spaces),
                "line": line_of(sources, program.place_of(timed.node)),
                "scope": node.site.path,
                "bytes": timed.bytes,
            },
        }));
    }
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
