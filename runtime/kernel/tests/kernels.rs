//! Row programs as the plan prints them, in `tests/kernels`, with what they give: by the interpreter and by machine code.
//!
//! A file holds programs one after another. `// run: NAME(COLUMN: VALUES, ...) == VALUES` says what the output of that name
//! is for columns with these values, which hold a value a row.

#![allow(clippy::unwrap_used)]

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use reckon_compiler::plan::print::instruction;
use reckon_compiler::plan::row::{Bag, Inst, Kernel, RowKind, RowOp, RowType};
use reckon_compiler::value::Value;
use reckon_kernel::{Column, Data, Inputs, Lists, Means, RowProgram};

#[test]
fn programs_give_what_their_files_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/kernels");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let (mut wrong, mut loops) = (Vec::new(), 0);
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for block in text.split("\n\n") {
            let kernel = read_kernel(block);
            for line in block
                .lines()
                .filter_map(|line| line.strip_prefix("// run: "))
            {
                match run(&kernel, line) {
                    Ok(more) => loops += more,
                    Err(why) => wrong.push(format!("{name}: {line}\n  {why}")),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(loops > 15, "only {loops} loops were compiled");
}

/// The number of loops that machine code went through.
fn run(kernel: &Kernel, line: &str) -> Result<usize, String> {
    let (call, expected) = line.rsplit_once(" == ").unwrap();
    let (output, arguments) = call.strip_suffix(')').unwrap().split_once('(').unwrap();
    let at = kernel
        .outputs
        .iter()
        .find(|(name, _)| name == output)
        .unwrap()
        .1;
    let expected = column(&kernel.code[at].ty.kind, &mut Text(expected));
    let mut columns = Vec::new();
    let mut text = Text(arguments);
    while !text.0.is_empty() {
        let name = text.word(|letter| letter != ':');
        text.expect(": ");
        let reads = |inst: &&Inst| inst.op == RowOp::Column(name.to_owned());
        let kind = &kernel.code.iter().find(reads).unwrap().ty.kind;
        columns.push((name, column(kind, &mut text)));
        text.0 = text.0.strip_prefix(", ").unwrap_or(text.0);
    }
    let inputs = Inputs {
        rows: columns[0].1.len(),
        columns: columns
            .iter()
            .map(|(name, column)| (*name, Cow::Borrowed(column)))
            .collect(),
        ..Inputs::default()
    };
    let program = RowProgram::new(kernel.clone());
    for means in [Means::Interpreter, Means::MachineCode] {
        let outputs = program.run_by(means, &inputs, &[]).unwrap();
        let (_, found) = outputs
            .into_iter()
            .find(|(name, _)| name == output)
            .unwrap();
        // By text, in which one NaN is like another and -0 is not 0.
        if format!("{found:?}") != format!("{expected:?}") {
            return Err(format!("{means:?} gives {found:?}"));
        }
    }
    Ok(program.loops(&inputs, &[]))
}

fn read_kernel(block: &str) -> Kernel {
    let mut kernel = Kernel {
        source: "row".to_owned(),
        code: Vec::new(),
        outputs: Vec::new(),
    };
    for line in block.lines().filter(|line| !line.starts_with("//")) {
        if let Some(result) = line.strip_prefix("return ") {
            let (name, at) = result.split_once(" = %").unwrap();
            kernel.outputs.push((name.to_owned(), at.parse().unwrap()));
            continue;
        }
        let (left, right) = line.split_once(" = ").unwrap();
        let inst = read_instruction(left.split_once(": ").unwrap().1, right);
        // What is read is what the plan prints.
        assert_eq!(instruction(&inst), right);
        kernel.code.push(inst);
    }
    kernel
}

fn read_instruction(ty: &str, text: &str) -> Inst {
    let (mapped, text) = match text.strip_prefix("each ") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (name, mut rest) = text.split_once(' ').unwrap();
    let mut args = Vec::new();
    while let Some(arg) = rest.strip_prefix('%') {
        let (number, next) = arg.split_once(' ').unwrap_or((arg, ""));
        args.push(number.parse().unwrap());
        rest = next;
    }
    Inst {
        op: op(name, rest),
        args,
        ty: read_type(ty),
        mapped,
        span: None,
    }
}

fn read_type(text: &str) -> RowType {
    let (name, nullable) = match text.strip_suffix('?') {
        Some(name) => (name, true),
        None => (text, false),
    };
    RowType {
        kind: read_kind(name),
        nullable,
    }
}

fn read_kind(text: &str) -> RowKind {
    match text {
        "int" => RowKind::Int,
        "float" => RowKind::Float,
        "bool" => RowKind::Bool,
        "str" => RowKind::Str,
        "time" => RowKind::Time,
        "duration" => RowKind::Duration,
        other => {
            let of = other
                .strip_prefix("list<")
                .and_then(|rest| rest.strip_suffix('>'));
            RowKind::List(Box::new(read_kind(of.unwrap())))
        }
    }
}

/// `"|" ":"`
fn bag(text: &str) -> Bag {
    let (separator, pair) = text.split_once(' ').unwrap();
    let byte = |text: &str| text.trim_matches('"').as_bytes()[0];
    Bag {
        separator: byte(separator),
        pair: byte(pair),
    }
}

fn op(name: &str, rest: &str) -> RowOp {
    use RowOp::*;
    const PLAIN: [RowOp; 30] = [
        Add, Sub, Mul, Div, Pow, Neg, Abs, Log, Log1p, Exp, Sqrt, Floor, Min, Max, Clip, Eq, Ne,
        Lt, Le, Gt, Ge, And, Or, Not, IsNull, Fill, Where, Hour, Weekday, Day,
    ];
    let slots = || {
        let inner = rest
            .strip_prefix("{slots: ")
            .and_then(|rest| rest.strip_suffix('}'));
        let (n, seed) = inner.unwrap().split_once(", seed: ").unwrap();
        (n.parse().unwrap(), seed.parse().unwrap())
    };
    match name {
        "column" => Column(rest.to_owned()),
        "const" => Const(Value::Int(rest.parse().unwrap())),
        "split" => Split(rest.trim_matches('"').to_owned()),
        "length" => Length,
        "number" => Number,
        "bag_keys" => BagKeys(bag(rest)),
        "bag_weights" => BagWeights(bag(rest)),
        "lookup" => Lookup(bag(rest)),
        "pad" => Pad(rest.parse().unwrap()),
        "list_sum" => ListSum,
        "hash" => {
            let (n, seed) = slots();
            Hash { n, seed }
        }
        "cross" => {
            let (n, seed) = slots();
            Cross { n, seed }
        }
        "buckets" => {
            let borders = rest.trim_matches(['[', ']']).split(", ");
            Buckets(borders.map(|border| border.parse().unwrap()).collect())
        }
        _ => {
            let named = |op: &RowOp| {
                let inst = Inst {
                    op: op.clone(),
                    args: vec![],
                    ty: RowType::new(RowKind::Int),
                    mapped: false,
                    span: None,
                };
                instruction(&inst) == name
            };
            PLAIN
                .into_iter()
                .find(named)
                .unwrap_or_else(|| panic!("no op `{name}`"))
        }
    }
}

/// The rest of a text.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    fn word(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self
            .0
            .find(|letter| !belongs(letter))
            .unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        word
    }

    fn expect(&mut self, text: &str) {
        self.0 = self
            .0
            .strip_prefix(text)
            .unwrap_or_else(|| panic!("expected {text:?} before {:?}", self.0));
    }
}

/// A list of values, a value a row.
fn column(kind: &RowKind, text: &mut Text<'_>) -> Column {
    let mut data = Data::empty(kind);
    let mut valid = Vec::new();
    text.expect("[");
    while !text.0.starts_with(']') {
        match text.0.strip_prefix("null") {
            Some(rest) => {
                text.0 = rest;
                data.push_default();
                valid.push(false);
            }
            None => {
                value(&mut data, text);
                valid.push(true);
            }
        }
        text.0 = text.0.strip_prefix(", ").unwrap_or(text.0);
    }
    text.expect("]");
    Column::with_validity(data, Some(valid))
}

fn value(data: &mut Data, text: &mut Text<'_>) {
    let number = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
    match data {
        Data::Int(values) => values.push(text.word(number).parse().unwrap()),
        Data::Float(values) => values.push(text.word(number).parse().unwrap()),
        Data::Bool(values) => values.push(text.word(number).parse().unwrap()),
        Data::Str(texts) => {
            text.expect("\"");
            texts.push(text.word(|letter| letter != '"'));
            text.expect("\"");
        }
        Data::List(Lists { offsets, values }) => {
            text.expect("[");
            while !text.0.starts_with(']') {
                value(values, text);
                text.0 = text.0.strip_prefix(", ").unwrap_or(text.0);
            }
            text.expect("]");
            offsets.push(values.len());
        }
    }
}
