//! `reckon explain`: the page of an error code.

use reckon_compiler::errors;
use reckon_grammar::diagnostic::nearest;

use reckon_command::arguments::Explain;
use reckon_command::console::{Console, Exit, Failure};
use reckon_command::render::wrap;

/// Prints the page, or the list of all codes with their titles.
pub(crate) fn explain(arguments: &Explain, console: &Console) -> Result<Exit, Failure> {
    let Some(asked) = &arguments.code else {
        for (code, page) in errors::PAGES {
            console.print(&format!("{code}  {}", title(page)));
        }
        return Ok(Exit::Success);
    };
    let code = canonical(asked);
    let Some(page) = errors::page(&code) else {
        let failure = Failure::new(Exit::Usage, format!("there is no error `{asked}`"));
        let near = nearest(&code, errors::PAGES.iter().map(|(code, _)| *code));
        return Err(failure.help(match near {
            Some(near) => format!("did that mean `{near}`? `reckon explain` lists all codes"),
            None => "`reckon explain` lists all codes".to_owned(),
        }));
    };
    console.print_raw(&readable(page, console.colour_out));
    Ok(Exit::Success)
}

/// `e301`, `301` and `E0301` are one code.
fn canonical(asked: &str) -> String {
    let digits = asked.trim_start_matches(['E', 'e']);
    match digits.parse::<u16>() {
        Ok(number) => format!("E{number:04}"),
        Err(_) => asked.to_owned(),
    }
}

fn title(page: &str) -> &str {
    let first = page
        .lines()
        .next()
        .unwrap_or("")
        .trim_start_matches(['#', ' ']);
    first.split_once(": ").map_or(first, |(_, title)| title)
}

/// A page of Markdown for a terminal: code indented, headings bold, paragraphs filled.
fn readable(page: &str, colour: bool) -> String {
    let mut out = String::new();
    let mut paragraph = String::new();
    let mut in_code = false;
    for line in page.lines() {
        let is_prose = !in_code
            && !line.is_empty()
            && !line.starts_with(['#', '-', '|'])
            && !line.starts_with("```");
        if is_prose {
            paragraph += if paragraph.is_empty() { "" } else { " " };
            paragraph += line;
            continue;
        }
        fill(&mut out, &mut paragraph);
        if line.starts_with("```") {
            in_code = !in_code;
        } else if in_code {
            out += format!("    {line}").trim_end();
            out.push('\n');
        } else if let Some(heading) = line.strip_prefix('#') {
            let heading = heading.trim_start_matches(['#', ' ']);
            out += &if colour {
                format!("\u{1b}[1m{heading}\u{1b}[0m\n")
            } else {
                format!("{heading}\n")
            };
        } else {
            out += &format!("{line}\n");
        }
    }
    fill(&mut out, &mut paragraph);
    out
}

/// Writes out the paragraph that was gathered, if any.
fn fill(out: &mut String, paragraph: &mut String) {
    for piece in wrap(&std::mem::take(paragraph), 80)
        .iter()
        .filter(|piece| !piece.is_empty())
    {
        *out += piece;
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::{canonical, readable, title};

    #[test]
    fn a_code_may_be_written_short() {
        assert_eq!(["E0301", "e301", "301"].map(canonical), ["E0301"; 3]);
        assert_eq!(canonical("leak"), "leak");
    }

    #[test]
    fn the_title_is_the_heading_without_the_code() {
        assert_eq!(title("# E0301: label leak\n\ntext"), "label leak");
    }

    #[test]
    fn a_paragraph_that_begins_with_code_is_filled_too() {
        let page = format!("# E1: t\n\n`x |> f` {}\n", "applies a function ".repeat(8));
        let longest = readable(&page, false).lines().map(str::len).max();
        assert!(longest.is_some_and(|longest| longest <= 80));
    }

    #[test]
    fn code_is_indented_and_fences_are_left_out() {
        assert_eq!(
            readable("# E1: t\n\n```rec\nx = 1\n\n```\nend\n", false),
            "E1: t\n\n    x = 1\n\nend\n"
        );
    }
}
