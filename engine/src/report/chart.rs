//! Small drawings of numbers: lines over epochs or days, and bars beside each other.

use super::html::{escaped, value};

/// A line of a chart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// Which of the colours of lines it has; they begin anew behind the last, dashed.
    pub(crate) colour: usize,
    /// Place on the axis and value.
    pub(crate) points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 190.0;
/// Room for the numbers at the left and below.
const LEFT: f64 = 48.0;
const BELOW: f64 = 24.0;
const ABOVE: f64 = 10.0;
const RIGHT: f64 = 10.0;
/// With more points than that, points get no marks.
const MARKED: usize = 60;

/// Lines over epochs or days in a figure. `axis` says what lies at the bottom.
pub(crate) fn lines(caption: &str, axis: &Axis, lines: &[Line]) -> String {
    let drawn: Vec<&Line> = lines
        .iter()
        .filter(|line| !line.points.is_empty())
        .collect();
    let Some(frame) = Frame::around(&drawn) else {
        return String::new();
    };
    let mut out = opened(caption, HEIGHT);
    for tick in &frame.ticks {
        let y = frame.y(*tick);
        out += &format!(
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y + 4.0,
            tidy(*tick)
        );
    }
    out += &axis.drawn(&frame);
    for line in &drawn {
        out += &frame.line(line, axis);
    }
    out += "</svg>\n";
    let kept = axis.kept_in(&frame);
    let kept = kept.map(|kept| format!("{} {} kept", axis.name, axis.label(kept)));
    out += &keys(&drawn, kept.as_deref());
    out + "</figure>\n"
}

/// The beginning of a figure with a picture of this height.
fn opened(caption: &str, height: f64) -> String {
    let caption = escaped(caption);
    format!(
        "<figure><figcaption>{caption}</figcaption><svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"{caption}\">\n"
    )
}

/// The ranges of a chart.
struct Frame {
    from: f64,
    to: f64,
    /// From the lowest value to the highest.
    ticks: Vec<f64>,
}

impl Frame {
    /// Nothing where there is no point.
    fn around(lines: &[&Line]) -> Option<Self> {
        let all = || lines.iter().flat_map(|line| &line.points);
        all().next()?;
        let ends = |pick: fn(&(f64, f64)) -> f64| {
            let finite = all().map(pick).filter(|at| at.is_finite());
            finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| {
                (low.min(at), high.max(at))
            })
        };
        let ((from, to), (low, high)) = (ends(|point| point.0), ends(|point| point.1));
        Some(Self {
            from,
            to,
            ticks: ticks(low, high),
        })
    }

    fn x(&self, at: f64) -> f64 {
        match self.to > self.from {
            true => LEFT + (at - self.from) / (self.to - self.from) * (WIDTH - LEFT - RIGHT),
            false => LEFT + (WIDTH - LEFT - RIGHT) / 2.0,
        }
    }

    fn y(&self, at: f64) -> f64 {
        let (low, high) = (self.ticks[0], self.ticks[self.ticks.len() - 1]);
        ABOVE + (high - at) / (high - low) * (HEIGHT - ABOVE - BELOW)
    }

    /// A line, and marks that tell their value where they are few.
    fn line(&self, line: &Line, axis: &Axis) -> String {
        let (colour, dashed) = (line.colour % COLOURS, dashed(line.colour));
        let finite = || line.points.iter().filter(|point| point.1.is_finite());
        let points: Vec<String> = finite()
            .map(|point| format!("{:.1},{:.1}", self.x(point.0), self.y(point.1)))
            .collect();
        let mut out = format!(
            "<polyline class=\"c{colour}{dashed}\" points=\"{}\"/>\n",
            points.join(" ")
        );
        if points.len() > MARKED {
            return out;
        }
        for point in finite() {
            out += &format!(
                "<circle class=\"c{colour}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.6\"><title>{} {}: {}</title></circle>",
                self.x(point.0),
                self.y(point.1),
                axis.name,
                escaped(&axis.label(point.0)),
                value(Some(point.1))
            );
        }
        out.push('\n');
        out
    }
}

/// Colours of lines, as styles count them.
pub(crate) const COLOURS: usize = 6;

/// What the class of a line, a bar or a key ends in: where colours have begun anew, they are dashed.
pub(crate) fn dashed(colour: usize) -> &'static str {
    if colour < COLOURS { "" } else { " dashed" }
}

/// The names of lines, with their last values, and what the dashed line means.
fn keys(lines: &[&Line], kept: Option<&str>) -> String {
    let mut items: String = lines
        .iter()
        .map(|line| {
            let last = line.points.last().map(|point| point.1);
            format!(
                "<li><i class=\"k{}{}\"></i>{} {}</li>",
                line.colour % COLOURS,
                dashed(line.colour),
                escaped(&line.name),
                value(last)
            )
        })
        .collect();
    if let Some(kept) = kept {
        items += &format!("<li><i class=\"kept\"></i>{}</li>", escaped(kept));
    }
    format!("<ul class=\"keys\">{items}</ul>\n")
}

/// What lies at the bottom of a chart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    /// `epoch`, `day`
    pub(crate) name: &'static str,
    /// Names of the places from 0 on; numbers stand for themselves where there are none.
    pub(crate) places: Vec<String>,
    /// The place whose weights were kept, where that is not the last.
    pub(crate) kept: Option<f64>,
}

impl Axis {
    fn label(&self, at: f64) -> String {
        match self.places.get(at as usize) {
            Some(name) => name.clone(),
            None => tidy(at),
        }
    }

    /// The place whose weights were kept, where the chart shows it.
    fn kept_in(&self, frame: &Frame) -> Option<f64> {
        self.kept
            .filter(|kept| (frame.from..=frame.to).contains(kept))
    }

    /// A few of the places, the first and the last among them; named ones are long, and so the ends alone.
    fn drawn(&self, frame: &Frame) -> String {
        const MOST: f64 = 6.0;
        let (from, to) = (frame.from, frame.to);
        let step = match self.places.is_empty() {
            true => ((to - from) / MOST).ceil().max(1.0),
            false => (to - from).max(1.0),
        };
        let mut shown = vec![from];
        let mut at = from + step;
        while at < to - step / 2.0 {
            shown.push(at);
            at += step;
        }
        if to > from {
            shown.push(to);
        }
        let texts = shown.iter().map(|at| {
            let anchor = match (self.places.is_empty() || from == to, *at == from) {
                (true, _) => "middle",
                (false, true) => "start",
                (false, false) => "end",
            };
            format!(
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
                frame.x(*at),
                HEIGHT - 8.0,
                escaped(&self.label(*at))
            )
        });
        let mut out: String = texts.collect();
        if let Some(kept) = self.kept_in(frame) {
            out += &format!(
                "<path class=\"kept\" d=\"M{:.1} {ABOVE}V{}\"><title>the weights of {} {} were kept</title></path>",
                frame.x(kept),
                HEIGHT - BELOW,
                self.name,
                self.label(kept)
            );
        }
        out.push('\n');
        out
    }
}

/// Three to six round numbers around a range, which has a height.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    if !low.is_finite() || !high.is_finite() {
        return vec![0.0, 1.0];
    }
    let range = (high - low).max(high.abs() * 1e-3).max(1e-9);
    let rough = range / 4.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough)
        .unwrap_or(power * 10.0);
    let first = (low / step).floor();
    let last = (high / step).ceil().max(first + 1.0);
    let mut at = first;
    let mut ticks = Vec::new();
    while at <= last {
        ticks.push(at * step);
        at += 1.0;
    }
    ticks
}

/// A round number without a tail.
fn tidy(number: f64) -> String {
    if number != 0.0 && number.abs() < 1e-3 {
        return format!("{number:.1e}");
    }
    let text = format!("{number:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() || text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// A bar: what it is of, how long it is, and the interval around its end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) interval: Option<(f64, f64)>,
    /// What its colour says.
    pub(crate) look: Look,
}

/// What the colour of a bar says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// It is the bar that the others are set beside.
    Own,
    /// It is one of the others.
    Other,
    /// It is of what the lines of this colour are of.
    Line(usize),
}

impl Look {
    /// The styles of the bar and of its name.
    fn classes(self) -> (String, &'static str) {
        match self {
            Self::Own => ("bar own".to_owned(), "own"),
            Self::Other => ("bar".to_owned(), "name"),
            Self::Line(colour) => {
                let class = format!("bar b{}{}", colour % COLOURS, dashed(colour));
                (class, "name")
            }
        }
    }
}

/// Bars below each other in a figure.
pub(crate) fn bars(caption: &str, bars: &[Bar]) -> String {
    const ROW: f64 = 24.0;
    const NAMES: f64 = 96.0;
    const VALUES: f64 = 52.0;
    let ends = bars
        .iter()
        .map(|bar| bar.interval.map_or(bar.value, |of| of.1.max(bar.value)));
    let most = ends.filter(|end| end.is_finite()).fold(0.0, f64::max);
    if bars.is_empty() || most <= 0.0 {
        return String::new();
    }
    let height = ROW * bars.len() as f64 + 6.0;
    let x = |value: f64| NAMES + (value / most).clamp(0.0, 1.0) * (WIDTH - NAMES - VALUES);
    let mut out = opened(caption, height);
    for (at, bar) in bars.iter().enumerate() {
        let y = ROW * at as f64 + 4.0;
        let (class, text) = bar.look.classes();
        out += &format!(
            "<text class=\"{text}\" x=\"0\" y=\"{:.1}\">{}</text><rect class=\"{class}\" x=\"{NAMES}\" y=\"{y:.1}\" \
             width=\"{:.1}\" height=\"14\" rx=\"2\"/><text class=\"{text}\" x=\"{WIDTH}\" y=\"{:.1}\" \
             text-anchor=\"end\">{}</text>",
            y + 11.0,
            escaped(&short(&bar.name)),
            x(bar.value) - NAMES,
            y + 11.0,
            value(Some(bar.value))
        );
        if let Some(interval) = bar.interval {
            out += &whisker(interval, y + 7.0, &x);
        }
        out.push('\n');
    }
    out + "</svg></figure>\n"
}

/// The interval around the end of a bar, whose middle is at height `y`.
fn whisker((low, high): (f64, f64), y: f64, x: &dyn Fn(f64) -> f64) -> String {
    format!(
        "<path class=\"whisker\" d=\"M{0:.1} {y}H{1:.1}M{0:.1} {2}V{3}M{1:.1} {2}V{3}\"><title>95 % from {4} to {5}</title></path>",
        x(low),
        x(high),
        y - 4.0,
        y + 4.0,
        value(Some(low)),
        value(Some(high))
    )
}

/// As much of a name as fits beside a bar.
fn short(name: &str) -> String {
    const MOST: usize = 15;
    if name.chars().count() <= MOST {
        return name.to_owned();
    }
    name.chars().take(MOST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::{Axis, Bar, COLOURS, Line, Look, bars, lines, ticks, tidy};

    #[test]
    fn ticks_are_round_and_hold_the_range() {
        assert_eq!(
            ticks(0.12, 0.31)
                .iter()
                .map(|at| tidy(*at))
                .collect::<Vec<_>>(),
            ["0.1", "0.15", "0.2", "0.25", "0.3", "0.35"]
        );
        for (low, high) in [
            (2.0, 2.0),
            (0.0, 0.0),
            (-3.0, 8.0),
            (1e-6, 3e-6),
            (5.0, 5.0001),
        ] {
            let ticks = ticks(low, high);
            assert!(ticks.len() >= 2 && ticks.len() <= 8, "{ticks:?}");
            assert!(
                ticks[0] <= low && ticks[ticks.len() - 1] >= high,
                "{low} {high} {ticks:?}"
            );
        }
    }

    #[test]
    fn values_that_are_not_finite_are_left_out_of_a_line() {
        let line = Line {
            name: "loss".to_owned(),
            colour: 0,
            points: vec![(1.0, 0.5), (2.0, f64::NAN), (3.0, 0.25)],
        };
        let axis = Axis {
            name: "epoch",
            places: Vec::new(),
            kept: None,
        };
        let out = lines("loss", &axis, &[line]);
        assert!(
            !out.contains("NaN") && out.matches("<circle").count() == 2,
            "{out}"
        );
    }

    #[test]
    fn the_line_of_the_weights_that_were_kept_is_explained() {
        let line = Line {
            name: "loss".to_owned(),
            colour: 0,
            points: vec![(1.0, 0.5), (2.0, 0.25), (3.0, 0.5)],
        };
        let axis = |kept| Axis {
            name: "epoch",
            places: Vec::new(),
            kept,
        };
        let with = |kept| lines("loss", &axis(kept), std::slice::from_ref(&line));
        assert!(with(Some(2.0)).contains("<li><i class=\"kept\"></i>epoch 2 kept</li>"));
        assert!(!with(None).contains("kept"));
        assert!(!with(Some(9.0)).contains("kept"));
    }

    #[test]
    fn a_line_and_a_bar_of_one_thing_have_the_colour_of_its_key() {
        let of = |colour, points| Line {
            name: "run".to_owned(),
            colour,
            points,
        };
        let axis = Axis {
            name: "epoch",
            places: Vec::new(),
            kept: None,
        };
        let out = lines("loss", &axis, &[of(0, vec![]), of(1, vec![(1.0, 0.5)])]);
        assert!(out.contains("<polyline class=\"c1\"") && out.contains("<i class=\"k1\">"));
        assert!(!out.contains("c0") && !out.contains("k0"), "{out}");
        let bar = Bar {
            name: "run".to_owned(),
            value: 0.5,
            interval: None,
            look: Look::Line(1),
        };
        assert!(bars("recall", &[bar]).contains("class=\"bar b1\""));
    }

    #[test]
    fn colours_that_begin_anew_are_dashed() {
        let axis = Axis {
            name: "epoch",
            places: Vec::new(),
            kept: None,
        };
        let seventh = Line {
            name: "run".to_owned(),
            colour: COLOURS,
            points: vec![(1.0, 0.5)],
        };
        let out = lines("loss", &axis, &[seventh]);
        assert!(out.contains("class=\"c0 dashed\"") && out.contains("class=\"k0 dashed\""));
        assert_eq!(Look::Line(COLOURS).classes().0, "bar b0 dashed");
    }

    #[test]
    fn without_points_there_is_no_chart() {
        let axis = Axis {
            name: "epoch",
            places: Vec::new(),
            kept: None,
        };
        assert_eq!(lines("loss", &axis, &[]), "");
    }
}
