//! Broken texts: the source, then what is said about it and what is kept.

mod common;

use std::fmt::Write as _;

use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::parse;
use reckon_grammar::span::{FileId, Sources};

/// A case a paragraph: what it shows, then the text.
const CASES: &[(&str, &str)] = &[
    (
        "a parenthesis is not closed",
        "features movie {\n  id = movie_id |> vocab( |> embed(dim)\n  year = year |> fill(0)\n}\n",
    ),
    (
        "a bracket is not closed",
        "setting sizes = [1, 2\nsetting dim = 64\n",
    ),
    (
        "a brace is not closed",
        "features movie {\n  id = movie_id |> vocab\n\nfeatures user {\n  id = user_id\n}\n",
    ),
    (
        "a brace closes nothing",
        "setting dim = 64\n}\nsetting k = 4\n",
    ),
    (
        "a brace is not opened",
        "features movie\n  id = movie_id |> vocab\n}\nsetting k = 4\n",
    ),
    (
        "the body's brace is not opened",
        "loss main over rating where stars >= 4\n  let c = in_batch(movie)\n  f(c)\n}\nexport film\n",
    ),
    (
        "an operand is missing",
        "setting x = 1 +\nsetting y = * 2\nsetting z = 2 * (3 + )\n",
    ),
    (
        "a name is missing",
        "setting = 64\ntower (u: user) -> f32 = u\nentity from \"x.csv\" {\n  key id: int\n}\n",
    ),
    ("a reserved word is no name", "setting in = 64\n"),
    (
        "an argument is named as in another language",
        "features movie {\n  id = embed(vocab(movie_id), dim=8)\n}\n",
    ),
    (
        "entries stand behind commas",
        "train {\n  minimize main, other\n  batch 64, epochs 2\n}\n",
    ),
    (
        "a mark of the encoding says nothing",
        "\u{feff}setting dim = 64\nsetting = 2\n",
    ),
    (
        "a type is missing",
        "entity user from \"u.csv\" {\n  key user_id:\n  age: int\n}\n",
    ),
    (
        "a colon is missing",
        "entity user from \"u.csv\" {\n  key user_id int\n  age\n}\n",
    ),
    (
        "an equals sign is missing",
        "setting dim 64\nfeatures movie {\n  id movie_id |> vocab\n}\n",
    ),
    (
        "a body is missing",
        "tower film(m: movie) -> f32[dim]\nloss main over rating\nteacher t(u: user) -> logit\n",
    ),
    (
        "an item is misspelled",
        "settting dim = 64\nfeature movie {\n  id = movie_id\n}\nexport film\n",
    ),
    (
        "an entry is unknown",
        "evaluate films: retrieval over rating {\n  ranks movie by f(movie)\n  report auc\n}\n",
    ),
    (
        "an evaluation has no such kind",
        "evaluate films: retreival over rating {\n  report auc\n}\nevaluate shop over rating { report auc }\n",
    ),
    (
        "an option has an equals sign",
        "train {\n  minimize main\n  batch = 1024\n  epochs: 20\n}\n",
    ),
    (
        "a string does not end",
        "entity user from \"u.csv {\n  key user_id: int\n}\nsetting dim = 64\n",
    ),
    ("an escape is unknown", "setting path = \"C:\\data\\new\"\n"),
    (
        "a number is malformed",
        "setting a = 12abc\nsetting b = 99999999999999999999\nsetting c = 1e999\nsetting d = 3x%\n",
    ),
    (
        "comparisons do not chain",
        "selector mid = rating where 2 < stars < 4\n",
    ),
    (
        "a pipe needs a function",
        "setting x = a |> f + 1\nsetting y = a |> 2\n",
    ),
    ("a list is not indexed", "setting x = sizes[0]\n"),
    (
        "equality has two signs",
        "selector s = rating where stars = 4\n",
    ),
    ("conditions are words", "selector s = rating where a && b\n"),
    (
        "rows have one condition",
        "selector s = rating of user of movie where a where b\n",
    ),
    (
        "a body has one value",
        "loss main over rating {\n  f(x)\n  g(x)\n}\nloss other over rating {\n  let c = 1\n}\n",
    ),
    (
        "a word of the language is missing",
        "loss main rating = x\ncolumn g view = x\nloop day visit.at by 1d {\n}\n",
    ),
    (
        "a split has no rule",
        "split rating { train 80% }\nsplit rating by at { 80%, valid 10% }\n",
    ),
    (
        "stopping early is half said",
        "train {\n  stop early on valid films recall@50\n  stop on valid films.auc patience 3\n}\n",
    ),
    (
        "an argument is missing",
        "setting x = f(, a)\nsetting y = f(a b, c)\nsetting z = f(a: )\n",
    ),
    (
        "a record is broken",
        "setting x = { a: 1, b 2, : 3 }\nsetting y = { a: 1\nsetting z = 1\n",
    ),
    (
        "if has no else",
        "setting x = if a then b\nsetting y = if a else c\nsetting z = for k 0..3 => k\n",
    ),
    (
        "a character is foreign",
        "setting größe = 1\nsetting x = 1 § 2\nsetting y = “a”\n",
    ),
    (
        "a test is broken",
        "test {\n  assert 1 == 1\n}\ntest \"x\" {\n  assert\n  check 2\n}\n",
    ),
    (
        "a teacher's origin is half said",
        "teacher a ema of b\nteacher c copy b\nteacher d from file \"x\"\nteacher e\n",
    ),
    (
        "a loop's item is broken",
        "loop day over visit.at by 1d {\n  loss a over visit in day = f(\n  train t { minimize a }\n  what is this\n  export x\n}\n",
    ),
    (
        "a part is said twice",
        "events e from \"e.csv\" {\n  label a: int known at b known 7d after c = 1 = 2\n}\nteacher t like u shares tables shares tables\n",
    ),
    (
        "marks of other languages",
        "# a comment\nselector a = rating where !old || new\nsetting x = 2 ** 3\nsetting y = 64 – 1\nsetting name = 'x'\nloss main over rating where stars = 4 {\n  x\n}\n",
    ),
    (
        "a product, a body and a choice of other languages",
        "setting p = a @ b + 1\ntower f(x: user) = { let y = x; return f(y) }\ntower g(x: user) {\n  return x\n}\nsetting c = if a: 1 else: 2\n",
    ),
    (
        "several errors are said at once",
        "use\nsetting a =\nsetting b = (1\nweight w = 0\nexport\n",
    ),
];

/// Messages with line and column, then the items that were kept.
fn describe(text: &str) -> String {
    let parsed = parse(FileId(0), text);
    let mut sources = Sources::default();
    let file = sources.add("case.rec", text);
    let mut out = String::new();
    for diagnostic in &parsed.diagnostics {
        let (line, column) = sources.line_column(file, diagnostic.primary.span.start);
        let under = sources.slice(diagnostic.primary.span).replace('\n', "⏎");
        let _ = write!(
            out,
            "{line}:{column} {}: {}",
            diagnostic.code, diagnostic.message
        );
        let _ = if under.is_empty() {
            writeln!(out)
        } else {
            writeln!(out, " ‹{under}›")
        };
        if let Some(fix) = &diagnostic.fix {
            let _ = writeln!(
                out,
                "      fix: {:?} for {:?}",
                fix.replacement,
                sources.slice(fix.span)
            );
        }
        for note in diagnostic.notes.iter().chain(&diagnostic.help) {
            let _ = writeln!(out, "      {note}");
        }
    }
    let _ = writeln!(out, "items kept: {}", parsed.ast.items.len());
    out
}

#[test]
fn broken_texts_are_told_what_is_wrong() {
    let mut page = String::new();
    for (title, text) in CASES {
        let said = describe(text);
        assert!(said.contains(": "), "{title} is an error");
        let _ = writeln!(
            page,
            "## {title}\n\n{}\n{said}",
            text.lines()
                .map(|line| format!("    {line}\n"))
                .collect::<String>()
        );
    }
    insta::assert_snapshot!("broken_texts", page);
}

#[test]
fn every_fix_removes_its_error_and_adds_none() {
    let mut fixes = 0;
    for (title, text) in CASES {
        let diagnostics = parse(FileId(0), text).diagnostics;
        for diagnostic in &diagnostics {
            let Some(fix) = &diagnostic.fix else { continue };
            fixes += 1;
            let mut fixed = (*text).to_owned();
            fixed.replace_range(fix.span.range(), &fix.replacement);
            let left = parse(FileId(0), &fixed).diagnostics;
            let same = |list: &[Diagnostic]| {
                list.iter()
                    .filter(|other| other.message == diagnostic.message)
                    .count()
            };
            assert!(
                left.len() <= diagnostics.len(),
                "{title}: {fix:?} leaves {left:#?}"
            );
            assert!(
                same(&left) < same(&diagnostics),
                "{title}: {fix:?} leaves {left:#?}"
            );
        }
    }
    assert!(fixes > 20, "many cases have a fix, found {fixes}");
}
