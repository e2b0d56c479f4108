//! A guess as a spec and as a page about it.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::guess::{Entity, Events, From, Guess};
use super::profile::{Column, Element, Kind};

/// Values up to which a column of text is a category and not prose.
const CATEGORIES: usize = 2_000;

/// Events below which a model is small and learns fast, and has no vector of its own for whom it is asked for.
const SMALL: usize = 20_000;

/// The text of `main.rec` in the folder `dir`.
pub(super) fn spec(guess: &Guess, dir: &Path) -> String {
    let Guess {
        query,
        item,
        events,
        ..
    } = guess;
    let dim = if events.rows < SMALL { 32 } else { 64 };
    let mut out = format!(
        "/// Which {} suits a {} next?\nuse std.tower.mlp\n\nsetting dim = {dim}\n",
        item.name, query.name
    );
    out += &entity(query, dir);
    out += &entity(item, dir);
    out += &happenings(guess, dir);
    if let Some((time, _)) = &events.time {
        out += &format!(
            "\nsplit {} by {} per {} {{ train 80%, valid 10%, test 10% }}\n",
            events.name, time.name, query.name
        );
    } else {
        out += &format!(
            "\nsplit {} random(1) {{ train 80%, valid 10%, test 10% }}\n",
            events.name
        );
    }
    let has_history = events.time.is_some();
    out += &features(item, Identity::Learned);
    out += &features(query, identity(guess, has_history));
    if has_history {
        let wanted = condition(events);
        out += &format!(
            "\n/// What the {} chose before.\nfeatures {} {{\n  recent = history({} of {}{wanted}, last: 50).{}.id |> mean\n}}\n",
            query.name, events.name, events.name, query.name, item.name
        );
    }
    out += &model(guess, has_history);
    out
}

fn entity(entity: &Entity, dir: &Path) -> String {
    let path = match &entity.from {
        From::File(path) => relative(path, dir),
        From::Derived(path) => path.clone(),
    };
    let mut out = format!("\nentity {} from {} {{\n", entity.name, quoted(&path));
    out += &format!("  key {}: {}\n", entity.key.name, entity.key.kind.written());
    for column in &entity.columns {
        out += &declaration("", column);
    }
    out + "}\n"
}

fn happenings(guess: &Guess, dir: &Path) -> String {
    let Guess {
        query,
        item,
        events,
        ..
    } = guess;
    let mut out = format!(
        "\nevents {} from {} {{\n",
        events.name,
        quoted(&relative(&events.path, dir))
    );
    for entity in [query, item] {
        out += &format!("  {} -> {}\n", entity.reference, entity.name);
    }
    if let Some(label) = &events.label {
        out += &declaration("label ", label.column);
    }
    if let Some((column, ty)) = &events.time {
        out += &format!("  {}: {ty}\n", column.name);
    }
    for column in &events.columns {
        out += &declaration("", column);
    }
    if query.has_absent || item.has_absent {
        out += "  absent: unknown\n";
    }
    out + "}\n"
}

fn declaration(role: &str, column: &Column) -> String {
    format!(
        "  {role}{}: {}{}\n",
        column.name,
        column.kind.written(),
        if column.nullable { "?" } else { "" }
    )
}

/// Whether the rows of an entity have a vector of their own.
#[derive(Clone, Copy)]
enum Identity {
    Learned,
    LeftOut,
}

/// Of whom there are few events, the history tells more than a vector that is fitted to them alone.
fn identity(guess: &Guess, has_history: bool) -> Identity {
    let has_more = described(&guess.query).next().is_some();
    if has_history && has_more && guess.events.rows < SMALL {
        Identity::LeftOut
    } else {
        Identity::Learned
    }
}

fn features(entity: &Entity, identity: Identity) -> String {
    let Entity { name, key, .. } = entity;
    let mut out = match identity {
        Identity::Learned => format!(
            "\nfeatures {name} {{\n  id = {} |> vocab |> embed(dim)\n",
            key.name
        ),
        Identity::LeftOut => format!(
            "\n/// No `id` here: with few events for each {name} it would be learned by heart.\nfeatures {name} {{\n"
        ),
    };
    for (column, recipe) in described(entity) {
        out += &format!("  {} = {} |> {recipe}\n", column.name, column.name);
    }
    out + "}\n"
}

/// The columns that become features, with how.
fn described<'a>(entity: &'a Entity<'_>) -> impl Iterator<Item = (&'a Column, String)> {
    let columns = entity.columns.iter().filter(|column| column.name != "id");
    columns.filter_map(|column| Some((*column, recipe(column)?)))
}

/// How a column becomes a vector; nothing for prose, which needs more than a look-up.
fn recipe(column: &Column) -> Option<String> {
    let width = |distinct: usize| if distinct <= 50 { 8 } else { 16 };
    match column.kind {
        Kind::Bool | Kind::Time | Kind::List(Element::Float) => None,
        Kind::List(Element::Int | Element::Str) => {
            // A list that is missing is one without elements.
            let width = width(column.values.len());
            Some(format!("vocab |> embed({width}) |> mean"))
        }
        Kind::Int | Kind::Float => {
            let fill = if column.nullable { "fill(0) |> " } else { "" };
            Some(format!("{fill}quantiles(10) |> embed(8)"))
        }
        Kind::Str => match column.inner_separator() {
            Some(mark) => {
                let width = width(column.distinct_parts(mark));
                let fill = if column.nullable {
                    "fill(\"\") |> "
                } else {
                    ""
                };
                Some(format!(
                    "{fill}split(\"{mark}\") |> vocab |> embed({width}) |> mean"
                ))
            }
            None if column.values.len() <= CATEGORIES && is_category(column) => {
                Some(format!("vocab |> embed({})", width(column.values.len())))
            }
            None => None,
        },
    }
}

/// Values that come back are categories; those that are nearly all different are names and prose.
fn is_category(column: &Column) -> bool {
    let cells: usize = column.values.values().sum();
    column.values.len() * 2 <= cells
}

fn model(guess: &Guess, has_history: bool) -> String {
    let Guess {
        query,
        item,
        events,
        ..
    } = guess;
    let (q, i, e) = (&query.name, &item.name, &events.name);
    let wanted = condition(events);
    let (batch, rate) = if events.rows < SMALL {
        (128, "3e-3")
    } else {
        (1024, "1e-3")
    };
    let (signature, inputs, call) = match has_history {
        true => (
            format!("a: {q}, e: {e}"),
            "a, e",
            format!("{q}_side({q}, {e})"),
        ),
        false => (format!("a: {q}"), "a", format!("{q}_side({q})")),
    };
    format!(
        "
tower {q}_side({signature}) -> f32[dim] = concat({inputs}) |> mlp([2 * dim, dim]) |> normalize
tower {i}_side(b: {i}) -> f32[dim] = concat(b) |> mlp([2 * dim, dim]) |> normalize

loss main over {e}{wanted} {{
  let c = in_batch({i}) // each {i} of the batch is a candidate
  softmax_loss(dot({call}, {i}_side(c)), c, temperature: 0.1)
}}

train {{
  minimize main
  batch {batch}
  epochs 20
  optimizer adam(lr: {rate})
  embeddings rowwise_adagrad(lr: 0.05)
  stop early on valid next.recall@10 patience 3
}}

evaluate next: retrieval over {e}{wanted} {{
  rank {i} by dot({call}, {i}_side({i})) except seen
  report recall@[10, 50], ndcg@10, coverage@10
}}

export {q}_side, {i}_side
"
    )
}

fn condition(events: &Events) -> String {
    let condition = events
        .label
        .as_ref()
        .and_then(|label| label.condition.as_deref());
    condition.map_or(String::new(), |condition| format!(" where {condition}"))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The path of a file as seen from a folder; absolute where they share no root.
fn relative(path: &Path, dir: &Path) -> String {
    let (Ok(path), Ok(dir)) = (fs::canonicalize(path), fs::canonicalize(dir)) else {
        return path.display().to_string();
    };
    let common = path
        .components()
        .zip(dir.components())
        .take_while(|(a, b)| a == b)
        .count();
    if common <= 1 {
        return path.display().to_string();
    }
    let up = dir.components().skip(common).map(|_| Component::ParentDir);
    let relative: PathBuf = up.chain(path.components().skip(common)).collect();
    relative.display().to_string()
}

/// The page beside the spec.
pub(super) fn readme(guess: &Guess) -> String {
    let Guess {
        query,
        item,
        events,
        ..
    } = guess;
    let (q, i) = (&query.name, &item.name);
    let wanted = match events
        .label
        .as_ref()
        .and_then(|label| label.condition.as_ref())
    {
        Some(condition) => format!("`{condition}` is taken to mean that a {i} pleased"),
        None => format!(
            "every row of `{}` is taken to mean that a {i} pleased",
            events.name
        ),
    };
    let user = query.key.values.keys().next().map_or("1", String::as_str);
    format!(
        "# Which {i} suits a {q} next?

`main.rec` describes two towers: one turns a {q} into a vector, the other a {i}, and what suits is near. It was written
by `reckon new` after a look at the data: {wanted}. All of it may be changed.

```
reckon check main.rec                        # is it right?
reckon run main.rec --out runs/first         # fit, train, evaluate
reckon recommend runs/first --user {user:<8}  # what to show
```
"
    )
}
