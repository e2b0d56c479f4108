//! Printing and reading are inverse: precedence, parentheses and spellings.

mod common;

use common::{check_laws, errors, shape, without_spans};
use proptest::prelude::*;
use reckon_grammar::ast::{
    Arg, BinaryOp, Expr, ExprKind, File, Item, ItemKind, Name, Rows, Selector, UnaryOp, Window,
};
use reckon_grammar::span::{FileId, Span};
use reckon_grammar::{format, parse, print, print_expr};

fn span() -> Span {
    Span::new(FileId(0), 0, 0)
}

fn expr(kind: ExprKind) -> Expr {
    Expr { kind, span: span() }
}

fn name(text: &str) -> Name {
    Name {
        text: text.to_owned(),
        span: span(),
    }
}

/// Texts of expressions that mean the same.
#[test]
fn operators_bind_as_the_manual_says() {
    for (short, full) in [
        ("a + b * c", "a + (b * c)"),
        ("a - b - c", "(a - b) - c"),
        ("a ^ b ^ c", "a ^ (b ^ c)"),
        ("-a ^ b", "-(a ^ b)"),
        ("a ^ -b", "a ^ (-b)"),
        ("-a * b", "(-a) * b"),
        ("a + b |> f", "(a + b) |> f"),
        ("a |> f > b", "(a |> f) > b"),
        ("a |> f |> g(b)", "(a |> f) |> g(b)"),
        ("0..n - 1 |> f", "(0..(n - 1)) |> f"),
        ("not a == b", "not (a == b)"),
        ("not a and b or c", "((not a) and b) or c"),
        ("a or b and c", "a or (b and c)"),
        ("if a then b else c + d", "if a then b else (c + d)"),
        (
            "a + if b then c else d + e",
            "a + (if b then c else (d + e))",
        ),
        (
            "for k in 0..K => f(k) |> g",
            "for k in (0..K) => (f(k) |> g)",
        ),
        ("a.b(c).d |> f", "((a.b)(c)).d |> f"),
        ("f(a where b or c |> g)", "f((a where (b or c)) |> g)"),
        ("f(a in day where b |> g)", "f((a in day where b) |> g)"),
        ("90%", "(90%)"),
    ] {
        let read = |text: &str| shape(&format!("setting x = {text}"));
        assert_eq!(read(short), read(full), "{short} is {full}");
    }
}

#[test]
fn literals_are_read_by_value() {
    for (text, kind) in [
        ("1_000", ExprKind::Int(1000)),
        ("80%", ExprKind::Percent(0.8)),
        ("7e-2", ExprKind::Float(0.07)),
        ("1d 2h 30m 15s", ExprKind::Duration(95_415.0)),
        ("500ms", ExprKind::Duration(0.5)),
        ("2w", ExprKind::Duration(1_209_600.0)),
        (r#""a\"\\\n\t""#, ExprKind::Str("a\"\\\n\t".to_owned())),
        ("true", ExprKind::Bool(true)),
    ] {
        let parsed = parse(FileId(0), &format!("setting x = {text}"));
        let ItemKind::Setting(setting) = &parsed.ast.items[0].kind else {
            panic!("a setting")
        };
        assert_eq!(setting.value.kind, kind);
        let again = parse(
            FileId(0),
            &format!("setting x = {}", print_expr(&setting.value)),
        );
        let ItemKind::Setting(again) = &again.ast.items[0].kind else {
            panic!("a setting")
        };
        assert_eq!(
            again.value.kind,
            kind,
            "printed as {}",
            print_expr(&setting.value)
        );
    }
}

#[test]
fn docs_belong_to_what_follows() {
    let text = "/// a file\n/// of two lines\n\nuse std.x\n\nfeatures movie {\n  /// an id\n  id = movie_id // not a doc\n  year = year\n}\n";
    let parsed = parse(FileId(0), text);
    assert_eq!(parsed.ast.items[0].docs, ["a file", "of two lines"]);
    let ItemKind::Features(features) = &parsed.ast.items[1].kind else {
        panic!("features")
    };
    assert_eq!(features.entries[0].docs, ["an id"]);
    assert_eq!(features.entries[1].docs, Vec::<String>::new());
}

#[test]
fn line_ends_of_windows_are_line_ends() {
    let text =
        "// c\r\nsetting x = [1,\r\n  2]\r\nfeatures movie {\r\n  id = a\r\n    |> b // d\r\n}\r\n";
    assert_eq!(errors(text), Vec::<String>::new());
    assert_eq!(shape(text), shape(&text.replace('\r', "")));
    assert_eq!(format(text), format(&text.replace('\r', "")));
}

#[test]
fn long_lines_are_broken_by_kind() {
    let text = r#"
selector candidates = visit in day where domain != target |> keep(affinity(near, item, seeds: rows before day within 30d) >= 0.1) |> at_most(10)
setting buckets = [100000, 200000, 300000, 400000, 500000, 600000, 700000, 800000, 900000, 1000000, 1100000, 1200000, 1300000]
setting table = { a_long_name: "a long text that fills the line", another_name: "a long text that fills the line", c: 1 }
loss main over rating where stars >= 4 { let c = in_batch(movie) // candidates
  // the main loss
  softmax_loss(dot(viewer(user, rating), film(c)), c, temperature: temperature, mask: known_positives, log_q: refined_by_counts) }
events log from "log/day=*/part-*.parquet" where tab == 4 and date >= 20220415 and not is_rand and source != "feed_of_the_home_page" { at: time }
loss all over log where click and seconds > 10 and length > 1000 and not skipped and source != "feed_of_the_home_page" = f(x)
fn f(x: f32[.., D], // input
  form: a | b = a) -> f32 = match form { a => x, b => y }
setting y = if a_rather_long_condition_that_fills_the_line then a_rather_long_value_of_the_first else a_rather_long_value_of_the_second
tower tall(u: user, r: rating) -> f32[dim] = concat(u, r) |> mlp([1024, 512, 256, dim], activation: gelu) |> normalize |> stop |> frozen
evaluate films:retrieval over rating{rank movie by f(x) except seen;report auc}
"#;
    check_laws(text);
    insta::assert_snapshot!(format(text).expect("no errors"));
}

fn names() -> impl Strategy<Value = String> {
    proptest::sample::select(vec!["a", "b", "f", "label", "of_x", "train", "x1"])
        .prop_map(str::to_owned)
}

fn leaf() -> impl Strategy<Value = Expr> {
    let kinds = prop_oneof![
        names().prop_map(ExprKind::Name),
        (0i64..1_000_000).prop_map(ExprKind::Int),
        (0.0f64..1e6).prop_map(ExprKind::Float),
        (0u32..100_000).prop_map(|n| ExprKind::Percent(f64::from(n) / 1000.0 / 100.0)),
        (0u32..1_000_000).prop_map(|n| ExprKind::Duration(f64::from(n))),
        (0.0f64..1e6).prop_map(ExprKind::Duration),
        ".{0,4}".prop_map(ExprKind::Str),
        any::<bool>().prop_map(ExprKind::Bool),
    ];
    kinds.prop_map(expr)
}

fn operators() -> impl Strategy<Value = BinaryOp> {
    use BinaryOp::{Add, And, Div, Eq, Ge, Gt, Le, Lt, Mul, Ne, Or, Pow, Sub};
    proptest::sample::select(vec![
        Add, And, Div, Eq, Ge, Gt, Le, Lt, Mul, Ne, Or, Pow, Sub,
    ])
}

fn windows() -> impl Strategy<Value = Window> {
    prop_oneof![
        names().prop_map(|day| Window::In(name(&day))),
        names().prop_map(|day| Window::InNext(name(&day))),
        names().prop_map(|day| Window::Before(name(&day))),
        leaf().prop_map(Window::Within),
    ]
}

/// What may be called in a pipe.
fn callees(inner: impl Strategy<Value = Expr> + Clone) -> impl Strategy<Value = Expr> {
    prop_oneof![
        names().prop_map(|text| expr(ExprKind::Name(text))),
        (inner.clone(), names())
            .prop_map(|(base, field)| expr(ExprKind::Field(Box::new(base), name(&field)))),
        (names(), inner).prop_map(|(callee, arg)| {
            let callee = Box::new(expr(ExprKind::Name(callee)));
            expr(ExprKind::Call(
                callee,
                vec![Arg {
                    name: None,
                    value: arg,
                }],
            ))
        }),
    ]
}

fn args(inner: impl Strategy<Value = Expr>) -> impl Strategy<Value = Vec<Arg>> {
    let arg = (proptest::option::of(names()), inner);
    proptest::collection::vec(
        arg.prop_map(|(label, value)| Arg {
            name: label.map(|label| name(&label)),
            value,
        }),
        0..3,
    )
}

fn rows(inner: impl Strategy<Value = Expr> + Clone) -> impl Strategy<Value = ExprKind> {
    let of = proptest::option::of(names());
    let windows = proptest::collection::vec(windows(), 0..3);
    (inner.clone(), of, windows, inner).prop_map(|(source, of, windows, cond)| ExprKind::Rows {
        source: Box::new(source),
        of: of.map(|of| name(&of)),
        windows,
        cond: Some(Box::new(cond)),
    })
}

fn expressions() -> impl Strategy<Value = Expr> {
    leaf().prop_recursive(4, 32, 3, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let pair = (boxed.clone(), boxed.clone());
        let fields =
            proptest::collection::vec((names().prop_map(|text| name(&text)), inner.clone()), 0..3);
        let arms = proptest::collection::vec((inner.clone(), inner.clone()), 1..3);
        let carry = proptest::option::of((names().prop_map(|text| name(&text)), boxed.clone()));
        let kinds = prop_oneof![
            (boxed.clone(), names()).prop_map(|(base, field)| ExprKind::Field(base, name(&field))),
            (boxed.clone(), args(inner.clone()))
                .prop_map(|(callee, args)| ExprKind::Call(callee, args)),
            (boxed.clone(), callees(inner.clone()), args(inner.clone()))
                .prop_map(|(value, callee, args)| ExprKind::Pipe(value, Box::new(callee), args)),
            boxed
                .clone()
                .prop_map(|value| ExprKind::Unary(UnaryOp::Neg, value)),
            boxed
                .clone()
                .prop_map(|value| ExprKind::Unary(UnaryOp::Not, value)),
            (operators(), pair.clone())
                .prop_map(|(op, (left, right))| ExprKind::Binary(op, left, right)),
            (boxed.clone(), boxed.clone(), boxed.clone())
                .prop_map(|(cond, then, other)| ExprKind::If(cond, then, other)),
            (boxed.clone(), arms).prop_map(|(subject, arms)| ExprKind::Match(subject, arms)),
            (names(), boxed.clone(), carry, boxed.clone()).prop_map(|(var, list, carry, body)| {
                ExprKind::For {
                    var: name(&var),
                    list,
                    carry,
                    body,
                }
            }),
            pair.prop_map(|(from, to)| ExprKind::Range(from, to)),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(ExprKind::List),
            fields.prop_map(ExprKind::Record),
            rows(inner),
        ];
        kinds.prop_map(expr)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_rows_print_as_they_read(expr in expressions()) {
        let rows = Rows { expr, batch: None };
        let kind = ItemKind::Selector(Selector { name: name("s"), rows });
        let file = File { items: vec![Item { docs: Vec::new(), span: span(), kind }], span: span() };
        let text = print(&file);
        let parsed = parse(FileId(0), &text);
        prop_assert!(parsed.diagnostics.is_empty(), "{text}{:?}", parsed.diagnostics);
        prop_assert_eq!(without_spans(&parsed.ast), without_spans(&file), "{}", text);
        check_laws(&text);
    }
}
