//! `reckon check --data`: what the files behind a spec hold, and what is wrong with them.

use std::path::Path;

use reckon_command::arguments::Check;
use reckon_command::console::{Console, Exit, Failure};
use reckon_command::render::Format;
use reckon_command::spec;
use reckon_compiler::lower::compile;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_runtime::data::{Looked, LookedSource, look};

use reckon_compiler::figures::grouped;

/// Looks at the data of each spec, which the command has found to hold, and for people also says what they are like.
pub(crate) fn look_at_data(arguments: &Check, console: &Console) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    for path in &arguments.files {
        if path.as_os_str() == spec::STDIN {
            let message = "`--data` looks for files beside a spec, and one from stdin has no place";
            return Err(Failure::new(Exit::Usage, message).help("name the file of the spec"));
        }
        let spec = spec::open(path, &arguments.overrides.set)?;
        let Some(Ok(plan)) = spec.checked.hir.as_ref().map(compile) else {
            return Ok(Exit::SpecOrCheck);
        };
        let root = path.parent().unwrap_or(Path::new(""));
        let Looked { findings, sources } = look(&plan, root);
        spec.show_findings(&findings, arguments.message_format, console);
        if arguments.message_format == Format::Human {
            let shown: String = sources.iter().map(table).collect();
            console.say(shown.trim_end());
        }
        if findings.iter().any(Diagnostic::is_error) {
            exit = Exit::World;
        }
    }
    Ok(exit)
}

/// A source with a line a column.
fn table(source: &LookedSource) -> String {
    let files = match source.files {
        1 => "1 file".to_owned(),
        files => format!("{} files", grouped(files)),
    };
    let mut out = format!(
        "{}: {} rows of {files}\n",
        source.name,
        grouped(source.rows)
    );
    let width = source
        .columns
        .iter()
        .map(|column| column.name.chars().count());
    let width = width.max().unwrap_or_default();
    for column in &source.columns {
        let (name, holds) = (&column.name, &column.holds);
        let nulls = match column.nulls {
            0 => String::new(),
            nulls => format!(", {} null", grouped(nulls)),
        };
        out += &format!("  {name:width$}  {holds}{nulls}\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::table;
    use reckon_runtime::data::{LookedColumn, LookedSource};

    #[test]
    fn a_source_shows_its_columns_below_each_other() {
        let column = |name: &str, nulls, holds: &str| LookedColumn {
            name: name.to_owned(),
            nulls,
            holds: holds.to_owned(),
        };
        let source = LookedSource {
            name: "user".to_owned(),
            rows: 1000,
            files: 2,
            columns: vec![
                column("user_id", 0, "1 to 1000"),
                column("age", 1200, "18 to 90"),
            ],
        };
        assert_eq!(
            table(&source),
            "user: 1,000 rows of 2 files\n  user_id  1 to 1000\n  age      18 to 90, 1,200 null\n"
        );
    }
}
