//! The pieces of a page.

/// A whole document with its styles.
pub(crate) fn document(title: &str, body: &str) -> String {
    include_str!("page.html")
        .replace("{style}", include_str!("page.css"))
        .replace("{title}", &escaped(title))
        .replace("{body}", body)
}

/// A text as HTML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A part of a page under its heading; nothing without content.
pub(crate) fn section(heading: &str, content: &str) -> String {
    if content.is_empty() {
        return String::new();
    }
    format!(
        "<section>\n<h2>{}</h2>\n{content}</section>\n",
        escaped(heading)
    )
}

/// A cell of a table: its text, and what it looks like.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    class: &'static str,
}

impl Cell {
    /// A text, to the left.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            class: "",
        }
    }

    /// A number, to the right.
    pub(crate) fn number(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            class: "number",
        }
    }

    /// In the class of a style.
    pub(crate) fn of_class(self, class: &'static str) -> Self {
        Self { class, ..self }
    }
}

/// Rows under their heads; the first column is of names. Rows of class `head` part the table.
pub(crate) fn table(heads: &[&str], rows: &[(&'static str, Vec<Cell>)]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut out = "<div class=\"wide\"><table>\n".to_owned();
    if heads.iter().any(|head| !head.is_empty()) {
        let heads: String = heads
            .iter()
            .enumerate()
            .map(|(at, head)| {
                let class = if at == 0 { "" } else { " class=\"number\"" };
                format!("<th scope=\"col\"{class}>{}</th>", escaped(head))
            })
            .collect();
        out += &format!("<thead><tr>{heads}</tr></thead>\n");
    }
    out += "<tbody>\n";
    for (class, cells) in rows {
        let cells: String = cells
            .iter()
            .enumerate()
            .map(|(at, cell)| {
                let tag = if at == 0 { "th scope=\"row\"" } else { "td" };
                let end = if at == 0 { "th" } else { "td" };
                let whole = match *class {
                    "head" => format!(" colspan=\"{}\"", heads.len()),
                    _ => String::new(),
                };
                let class = match cell.class {
                    "" => String::new(),
                    class => format!(" class=\"{class}\""),
                };
                format!("<{tag}{whole}{class}>{}</{end}>", escaped(&cell.text))
            })
            .collect();
        out += &match *class {
            "" => format!("<tr>{cells}</tr>\n"),
            class => format!("<tr class=\"{class}\">{cells}</tr>\n"),
        };
    }
    out + "</tbody></table></div>\n"
}

/// A text that is shown when it is asked for.
pub(crate) fn folded(heading: &str, text: &str) -> String {
    let (heading, text) = (escaped(heading), escaped(text));
    format!("<details><summary>{heading}</summary><pre>{text}</pre></details>\n")
}

/// A value of a metric or a loss: four digits behind the point, or four that count.
pub(crate) fn value(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if value != 0.0 && value.abs() < 0.001 => format!("{value:.1e}"),
        Some(value) if value.abs() >= 1000.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.4}"),
    }
}

/// Short times with a digit behind the point, long ones in two units.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds < 59.95 {
        true => format!("{seconds:.1} s"),
        false => crate::progress::duration(seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, table, value};

    #[test]
    fn what_a_spec_says_cannot_leave_its_cell() {
        let rows = [("", vec![Cell::text("a < b"), Cell::number("\"1\"")])];
        let out = table(&["x", "y"], &rows);
        assert!(out.contains("<th scope=\"row\">a &lt; b</th>"), "{out}");
        assert!(
            out.contains("<td class=\"number\">&quot;1&quot;</td>"),
            "{out}"
        );
    }

    #[test]
    fn values_show_four_digits() {
        let shown = [Some(0.25), Some(0.000_12), Some(12_345.6), Some(0.0), None].map(value);
        assert_eq!(shown, ["0.2500", "1.2e-4", "12346", "0.0000", "–"]);
    }
}
