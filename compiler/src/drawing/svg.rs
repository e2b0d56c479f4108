//! A laid out drawing as SVG. Its colours follow the reader's choice of light and dark, and its size is in pixels, so that it
//! can stand in a page or alone.

use super::layout::{HEAD, LINE, Layout, MARGIN, PAD, Rect, TEXT, TITLE};
use super::{Arrow, Card, Drawing, Flowing, Kind};

/// Colours and faces. `.dark` and `.light` in a page override what the reader's system says.
const STYLE: &str = include_str!("drawing.css");

/// The height of the legend below the picture.
const LEGEND: f64 = 30.0;

pub(super) fn svg(drawing: &Drawing, layout: &Layout) -> String {
    let (width, height) = (layout.width.max(420.0), layout.height + LEGEND);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"spec\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{}\">\n<style>\n{STYLE}</style>\n",
        escaped(&told(drawing))
    );
    out += &format!("<rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n");
    for kind in Flowing::ALL {
        let name = kind.name();
        out += &format!(
            "<marker id=\"tip-{name}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
             orient=\"auto\"><path class=\"tip {name}\" d=\"M0 0.5L8 4L0 7.5z\"/></marker>\n"
        );
    }
    // What matters more is drawn over what matters less.
    for kind in Flowing::ALL {
        let arrows = drawing.arrows.iter().zip(&layout.paths);
        for (arrow, path) in arrows.filter(|(arrow, _)| arrow.kind == kind) {
            out += &line(arrow, path);
        }
    }
    for (card, rect) in drawing.cards.iter().zip(&layout.boxes) {
        out += &of_card(card, *rect);
    }
    for (arrow, path) in drawing.arrows.iter().zip(&layout.paths) {
        out += &note(arrow, path);
    }
    out += &legend(drawing, layout.height);
    out + "</svg>\n"
}

impl Flowing {
    const ALL: [Self; 3] = [Self::Rows, Self::Stopped, Self::Gradient];

    fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Stopped => "stopped",
            Self::Gradient => "gradient",
        }
    }

    /// What the legend says.
    fn meaning(self) -> &'static str {
        match self {
            Self::Rows => "rows and values",
            Self::Stopped => "the gradient stops",
            Self::Gradient => "gradients flow back",
        }
    }
}

/// What one who does not see the picture is told.
fn told(drawing: &Drawing) -> String {
    let titles: Vec<String> = drawing
        .cards
        .iter()
        .map(|card| format!("{} {}", card.what, card.title))
        .collect();
    titles.join(", ")
}

fn line(arrow: &Arrow, path: &[(f64, f64)]) -> String {
    let mut d = String::new();
    for (at, (x, y)) in path.iter().enumerate() {
        let Some((px, py)) = at.checked_sub(1).and_then(|before| path.get(before)) else {
            d += &format!("M{x:.1} {y:.1}");
            continue;
        };
        if (py - y).abs() < 0.5 {
            d += &format!("L{x:.1} {y:.1}");
        } else {
            let middle = f64::midpoint(*px, *x);
            d += &format!("C{middle:.1} {py:.1} {middle:.1} {y:.1} {x:.1} {y:.1}");
        }
    }
    let name = arrow.kind.name();
    format!("<path class=\"arrow {name}\" d=\"{d}\" marker-end=\"url(#tip-{name})\"/>\n")
}

/// What is said beside an arrow, above the middle of its last stretch.
fn note(arrow: &Arrow, path: &[(f64, f64)]) -> String {
    let ([.., (ax, ay), (bx, by)], false) = (path, arrow.note.is_empty()) else {
        return String::new();
    };
    let (x, y) = (f64::midpoint(*ax, *bx), f64::midpoint(*ay, *by) - 5.0);
    let text = escaped(&arrow.note);
    format!("<text class=\"note\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n")
}

fn of_card(card: &Card, rect: Rect) -> String {
    let Rect {
        x,
        y,
        width,
        height,
    } = rect;
    let (left, right) = (x + PAD, x + width - PAD);
    let name = card.kind.name();
    let mut out = format!(
        "<g class=\"card {name}\"><rect class=\"paper\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
         height=\"{height:.1}\" rx=\"6\"/><path class=\"edge\" d=\"M{:.1} {:.1}V{:.1}\"/>",
        x + 2.0,
        y + 6.0,
        y + height - 6.0
    );
    out += &format!(
        "<text class=\"what\" x=\"{left:.1}\" y=\"{:.1}\">{}</text>",
        y + 15.0,
        escaped(&card.what)
    );
    out += &format!(
        "<text class=\"title\" font-size=\"{TITLE}\" x=\"{left:.1}\" y=\"{:.1}\">{}</text>",
        y + 31.0,
        escaped(&card.title)
    );
    for (at, (text, value)) in card.lines.iter().enumerate() {
        let y = y + HEAD + LINE * at as f64 + TEXT;
        out += &format!(
            "<text class=\"line\" x=\"{left:.1}\" y=\"{y:.1}\">{}</text>",
            escaped(text)
        );
        if !value.is_empty() {
            out += &format!(
                "<text class=\"value\" x=\"{right:.1}\" y=\"{y:.1}\">{}</text>",
                escaped(value)
            );
        }
    }
    out + "</g>\n"
}

/// A line of each kind that the picture has.
fn legend(drawing: &Drawing, y: f64) -> String {
    let mut out = String::new();
    let mut x = MARGIN;
    let y = y + LEGEND / 2.0 - 4.0;
    for kind in Flowing::ALL.into_iter().rev() {
        if drawing.arrows.iter().all(|arrow| arrow.kind != kind) {
            continue;
        }
        let (name, text) = (kind.name(), kind.meaning());
        out += &format!(
            "<path class=\"arrow {name}\" d=\"M{x:.1} {y:.1}H{:.1}\" marker-end=\"url(#tip-{name})\"/>\
             <text class=\"line\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>\n",
            x + 30.0,
            x + 38.0,
            y + 4.0
        );
        x += 58.0 + super::letters::width(text, TEXT);
    }
    out
}

/// A text as XML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

impl Kind {
    /// All kinds, for the test that each has its colour.
    #[cfg(test)]
    const ALL: [Self; 7] = [
        Self::Source,
        Self::Graph,
        Self::Column,
        Self::Tower,
        Self::Teacher,
        Self::Loss,
        Self::Train,
    ];
}

#[cfg(test)]
mod tests {
    use super::{Kind, STYLE, escaped};

    #[test]
    fn each_kind_of_card_has_a_colour_in_light_and_in_dark() {
        for kind in Kind::ALL {
            let colour = format!("--{}:", kind.name());
            assert_eq!(STYLE.matches(&colour).count(), 2, "{colour}");
        }
    }

    #[test]
    fn texts_of_a_spec_do_not_end_a_tag() {
        assert_eq!(escaped("a < \"b\" & c"), "a &lt; &quot;b&quot; &amp; c");
    }
}
