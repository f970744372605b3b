//! Draws latency and throughput over the load, as SVG that is read on light and on dark ground.

use std::fmt::Write as _;

use super::super::bench::table::number;
use super::figures::Step;

const WIDTH: f64 = 920.0;
const HEIGHT: f64 = 390.0;
/// The size of a panel's field, and its place from above.
const FIELD: (f64, f64) = (360.0, 260.0);
const TOP: f64 = 50.0;
/// The left edges of the panels' fields.
const PANELS: [f64; 2] = [70.0, 530.0];

const STYLE: &str = "\
svg{font:12px system-ui,sans-serif;background:#fff;--ink:#222;--grid:#ddd;--a:#0072b2;--b:#d55e00;--c:#009e73;--d:#cc79a7}\
@media(prefers-color-scheme:dark){svg{background:#16181c;--ink:#ddd;--grid:#3a3d44;--a:#56b4e9;--b:#e69f00;--c:#2ec4a0;--d:#e8a0c8}}\
text{fill:var(--ink)}.t{font-weight:600}.e{text-anchor:end}.m{text-anchor:middle}.g{stroke:var(--grid)}\
polyline{fill:none;stroke-width:2}.a{stroke:var(--a)}.b{stroke:var(--b)}.c{stroke:var(--c)}.d{stroke:var(--d)}\
circle.a{fill:var(--a)}circle.b{fill:var(--b)}circle.c{fill:var(--c)}circle.d{fill:var(--d)}";

/// A line of a panel: its name, its colour, and a point for each step that has one.
struct Line {
    name: &'static str,
    class: char,
    points: Vec<(f64, f64)>,
}

impl Line {
    fn of(name: &'static str, class: char, steps: &[Step], value: impl Fn(&Step) -> Option<f64>) -> Self {
        let points = steps.iter().filter_map(|step| Some((step.load.value(), value(step)?)));
        Line { name, class, points: points.collect() }
    }
}

/// Returns the drawing of steps.
pub fn svg(steps: &[Step]) -> String {
    let unit = steps.first().map_or("", |step| step.load.unit());
    let latency = [
        Line::of("first sound P50", 'a', steps, |step| Some(step.first_sound_s?.p50 * 1e3)),
        Line::of("first sound P99", 'b', steps, |step| Some(step.first_sound_s?.p99 * 1e3)),
        Line::of("latency P50", 'c', steps, |step| Some(step.latency_s?.p50 * 1e3)),
        Line::of("latency P99", 'd', steps, |step| Some(step.latency_s?.p99 * 1e3)),
    ];
    let throughput = [
        Line::of("audio, s/s", 'a', steps, |step| step.audio_s_per_s),
        Line::of("answered, requests/s", 'b', steps, |step| Some(step.requests_per_s)),
        Line::of("refused, requests/s", 'c', steps, |step| {
            (step.seconds > 0.0).then(|| step.refused as f64 / step.seconds)
        }),
    ];
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
         <title>Latency and throughput over the load</title>\n<style>{STYLE}</style>\n"
    );
    panel(&mut svg, PANELS[0], "Time to the first sound and to the end, ms", unit, &latency);
    panel(&mut svg, PANELS[1], "Throughput", unit, &throughput);
    svg + "</svg>\n"
}

/// Draws one panel, whose axes begin at nought.
fn panel(svg: &mut String, left: f64, title: &str, unit: &str, lines: &[Line]) {
    let most = |of: fn(&(f64, f64)) -> f64| {
        let values = lines.iter().flat_map(|line| &line.points).map(of);
        ceiling(values.fold(0.0, f64::max))
    };
    let ((x_most, x_ticks), (y_most, y_ticks)) = (most(|point| point.0), most(|point| point.1));
    let x = |value: f64| left + value / x_most * FIELD.0;
    let y = |value: f64| TOP + FIELD.1 - value / y_most * FIELD.1;
    let (right, bottom) = (left + FIELD.0, TOP + FIELD.1);
    // A string takes whatever is written.
    let _ = writeln!(svg, "<text class=\"t\" x=\"{left}\" y=\"18\">{title}</text>");
    for tick in 0..=y_ticks {
        let value = y_most * f64::from(tick) / f64::from(y_ticks);
        let (at, label) = (y(value), short(value));
        let _ = writeln!(svg, "<path class=\"g\" d=\"M{left} {at:.1}H{right}\"/>");
        let _ = writeln!(svg, "<text class=\"e\" x=\"{}\" y=\"{:.1}\">{label}</text>", left - 6.0, at + 4.0);
    }
    for tick in 0..=x_ticks {
        let value = x_most * f64::from(tick) / f64::from(x_ticks);
        let _ = writeln!(
            svg,
            "<text class=\"m\" x=\"{:.1}\" y=\"{}\">{}</text>",
            x(value),
            bottom + 18.0,
            short(value)
        );
    }
    let _ = writeln!(
        svg,
        "<text class=\"m\" x=\"{}\" y=\"{}\">{unit}</text>",
        left + FIELD.0 / 2.0,
        bottom + 38.0
    );
    for (place, Line { name, class, points }) in lines.iter().enumerate() {
        let (column, row) = ((place % 2) as f64, (place / 2) as f64);
        let place = left + 4.0 + FIELD.0 / 2.0 * column;
        let row = bottom + 50.0 + 14.0 * row;
        let _ = writeln!(svg, "<circle class=\"{class}\" cx=\"{place}\" cy=\"{:.1}\" r=\"4\"/>", row - 4.0);
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{row:.1}\">{name}</text>", place + 9.0);
        let all: Vec<String> = points.iter().map(|(a, b)| format!("{:.1},{:.1}", x(*a), y(*b))).collect();
        let _ = writeln!(svg, "<polyline class=\"{class}\" points=\"{}\"/>", all.join(" "));
        for (a, b) in points {
            let _ = writeln!(
                svg,
                "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"><title>{name}: {} at {} {unit}</title></circle>",
                x(*a),
                y(*b),
                number(*b),
                short(*a)
            );
        }
    }
}

/// Returns a round number that is not below a value, and in how many equal parts it is marked.
fn ceiling(value: f64) -> (f64, u32) {
    if value <= 0.0 || !value.is_finite() {
        return (1.0, 2);
    }
    let power = 10f64.powf(value.log10().floor());
    let steps = [(1.0, 5), (1.5, 3), (2.0, 4), (3.0, 3), (4.0, 4), (5.0, 5), (8.0, 4), (10.0, 5)];
    let (most, ticks) = steps.into_iter().find(|(most, _)| most * power >= value).unwrap_or((10.0, 5));
    (most * power, ticks)
}

/// Formats a number of an axis.
fn short(value: f64) -> String {
    let rounded = (value * 1e3).round() / 1e3;
    rounded.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::load_test::figures::Load;
    use serde_json::json;

    #[test]
    fn axes_end_at_round_numbers() {
        for (value, expected) in
            [(0.0, 1.0), (0.7, 0.8), (1.0, 1.0), (12.0, 15.0), (4321.0, 5000.0), (0.02, 0.02)]
        {
            assert!((ceiling(value).0 - expected).abs() < 1e-9, "{value}: {:?}", ceiling(value));
        }
    }

    #[test]
    fn a_drawing_is_whole_and_needs_nothing_else() {
        let steps = [2.0, 8.0].map(|rate| Step::of(Load::Rate(rate), &[], json!({})));
        let drawn = svg(&steps);
        assert!(drawn.starts_with("<svg") && drawn.trim_end().ends_with("</svg>"));
        assert!(!drawn.contains("NaN") && !drawn.contains("inf") && !drawn.contains("href"), "{drawn}");
        assert!(drawn.contains("prefers-color-scheme") && drawn.contains("requests/s"));
        // An XML parser of its own reads it.
        let mut reader = quick_xml::Reader::from_str(&drawn);
        while !matches!(reader.read_event().unwrap(), quick_xml::events::Event::Eof) {}
    }
}
