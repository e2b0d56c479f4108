//! `reckon build`: a level of the lowering, as text.

use reckon_compiler::graph::Graph;
use reckon_compiler::graph::text::print;
use reckon_compiler::hir::Hir;
use reckon_compiler::hir::print::print as print_hir;
use reckon_compiler::lower::{Copies, Pipeline, Teachers, compile_with};
use reckon_compiler::passes::{FORWARD, Place, STEP, passes};
use reckon_compiler::plan::print::{graphs, print as print_plan};
use reckon_compiler::plan::{FitKind, Plan};
use reckon_grammar::diagnostic::{Diagnostic, nearest};
use reckon_grammar::span::{Sources, Span};
use reckon_kernel::clif;

use crate::cost;
use reckon_command::arguments::{Build, Level};
use reckon_command::console::{Console, Exit, Failure};
use reckon_command::render::{self, Format};
use reckon_command::spec;

/// Prints the level of the spec that was asked for, and what it costs.
pub(crate) fn build(arguments: &Build, console: &Console) -> Result<Exit, Failure> {
    let shown = match arguments.emit {
        Some(level) => print_level(level, arguments, console)?,
        None => Exit::Success,
    };
    match shown {
        Exit::Success if arguments.cost => cost::cost(arguments, console),
        other => Ok(other),
    }
}

fn print_level(level: Level, arguments: &Build, console: &Console) -> Result<Exit, Failure> {
    if level == Level::Tree || level == Level::Ast {
        return text_level(level, arguments, console);
    }
    let spec = spec::open(&arguments.file, &arguments.overrides.set)?;
    spec.show(Format::Human, console);
    let Some(hir) = spec.checked.hir.as_ref() else {
        return Ok(Exit::SpecOrCheck);
    };
    if level == Level::Hir {
        console.print_raw(&print_hir(hir));
        return Ok(Exit::Success);
    }
    match lower(hir, arguments)? {
        Ok(Lowered { plan, after }) => {
            console.print_raw(&match (&arguments.print_after, level) {
                (Some(_), _) => after,
                (None, Level::Plan) => print_plan(&plan),
                (None, Level::Clif) => print_clif(&plan, &spec),
                (None, Level::Tree | Level::Ast | Level::Hir | Level::Graph) => {
                    let texts: Vec<String> = graphs(&plan)
                        .iter()
                        .map(|(what, graph)| format!("// {what}\n{}", print(graph)))
                        .collect();
                    texts.join("\n")
                }
            });
            Ok(Exit::Success)
        }
        Err(findings) => {
            spec.show_findings(&findings, Format::Human, console);
            Ok(Exit::SpecOrCheck)
        }
    }
}

/// The row programs of all sources as loops, with the lines of the spec that ask for them.
fn print_clif(plan: &Plan, spec: &spec::Spec) -> String {
    let sources = &spec.checked.sources;
    let line = |span: Span| {
        let (line, _) = sources.line_column(span.file, span.start);
        let file = sources.file(span.file);
        let text = file.text.lines().nth(line - 1).unwrap_or_default();
        format!("{}:{line}: {}", file.name, text.trim())
    };
    let borders = |fit: usize| match plan.fits.get(fit).map(|fit| &fit.kind) {
        Some(FitKind::Quantiles(n)) => n.saturating_sub(1),
        Some(_) | None => 0,
    };
    let conditions = plan.sources.iter().filter_map(|of| of.condition.as_ref());
    let texts = conditions
        .chain(&plan.kernels)
        .map(|kernel| clif(kernel, borders, line));
    texts.collect::<Vec<String>>().join("\n")
}

/// Levels that even a wrong text has.
fn text_level(level: Level, arguments: &Build, console: &Console) -> Result<Exit, Failure> {
    let name = spec::name(&arguments.file);
    let text = spec::read(&arguments.file)?;
    let mut sources = Sources::default();
    let file = sources.add(&name, text.as_str());
    let parsed = reckon_grammar::parse(file, &text);
    let level = match level {
        Level::Tree => parsed.tree.dump(&text),
        Level::Ast | Level::Hir | Level::Graph | Level::Plan | Level::Clif => {
            reckon_grammar::print(&parsed.ast)
        }
    };
    console.print_raw(&level);
    render::show(&sources, &parsed.diagnostics, &name, Format::Human, console);
    let holds = !parsed.diagnostics.iter().any(Diagnostic::is_error);
    Ok(if holds {
        Exit::Success
    } else {
        Exit::SpecOrCheck
    })
}

/// A plan, and the graphs as they were after the pass that was asked about.
struct Lowered {
    plan: Plan,
    after: String,
}

fn lower(hir: &Hir, arguments: &Build) -> Result<Result<Lowered, Vec<Diagnostic>>, Failure> {
    if let Some(chosen) = &arguments.passes {
        chosen.iter().try_for_each(|name| must_be_pass(name))?;
    }
    if let Some(name) = &arguments.print_after {
        must_be_pass(name)?;
    }
    let (forward, step) = (chosen(FORWARD, arguments), chosen(STEP, arguments));
    let mut after = String::new();
    let mut see = |pass: &'static reckon_compiler::passes::Pass, graph: &Graph| {
        if arguments.print_after.as_deref() == Some(pass.name) {
            after += &print(graph);
            after.push('\n');
        }
    };
    let plan = compile_with(
        hir,
        &mut Pipeline {
            forward: &forward,
            copies: match arguments.passes {
                Some(_) => Copies::Kept,
                None => Copies::Merged,
            },
            step: &step,
            teachers: match arguments.passes {
                Some(_) => Teachers::Asked,
                None => Teachers::Remembered,
            },
            after: &mut see,
        },
    );
    Ok(plan.map(|plan| Lowered { plan, after }))
}

/// The pipeline, without the passes that were not chosen.
fn chosen(pipeline: &[Place], arguments: &Build) -> Vec<Place> {
    let is_chosen = |place: &&Place| {
        arguments
            .passes
            .as_ref()
            .is_none_or(|names| names.iter().any(|name| name == place.pass.name))
    };
    pipeline.iter().filter(is_chosen).copied().collect()
}

fn must_be_pass(name: &str) -> Result<(), Failure> {
    let names: Vec<&str> = passes().iter().map(|pass| pass.name).collect();
    if names.contains(&name) {
        return Ok(());
    }
    let failure = Failure::new(Exit::Usage, format!("there is no pass `{name}`"));
    Err(failure.help(match nearest(name, names) {
        Some(near) => format!("did that mean `{near}`? `reckon passes` lists all"),
        None => "`reckon passes` lists all".to_owned(),
    }))
}
