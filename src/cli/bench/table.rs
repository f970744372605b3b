//! Formats results as tables.

use chattts_rs::bench::{Agreement, Deviation, Sharing, Spread, Summary, WordErrors};
use serde::Serialize;

/// The text in place of a value that was not measured.
pub const NONE: &str = "–";
const GAP: &str = "  ";

/// Formats speed and memory, one line a measurement.
pub fn speed<'a>(results: impl Iterator<Item = &'a Summary>) -> String {
    let mut table = Table::new(&[
        ("weights", ""),
        ("batch", ""),
        ("load", "s"),
        ("cold start", "s"),
        ("prefill", "ms"),
        ("prefill", "pos/s"),
        ("decode", "steps/s"),
        ("min–max", "steps/s"),
        ("mel+wave", "ms/token"),
        ("mel+wave", "%"),
        ("RTF", ""),
        ("audio", "s/s"),
        ("first sound", "s"),
        ("peak", "MiB"),
    ]);
    for result in results {
        let decode = result.decode_steps_per_s;
        table.row([
            result.weights.clone(),
            result.batch_size.to_string(),
            number(result.load_s.median),
            median(result.cold_start_s, 1.0),
            number(result.prefill_s.median * 1e3),
            number(result.prefill_positions_per_s.median),
            number(decode.median),
            format!("{}–{}", number(decode.min), number(decode.max)),
            number(result.render_s_per_token.median * 1e3),
            number(result.render_share.median * 100.0),
            number(result.real_time_factor.median),
            number(result.audio_s_per_s.median),
            median(result.first_sound_s, 1.0),
            median(result.peak_memory_bytes, 1.0 / f64::from(1 << 20)),
        ]);
    }
    table.print()
}

/// A type beside single precision.
#[derive(Serialize)]
pub struct Compared {
    #[serde(flatten)]
    pub agreement: Agreement,
    /// What a recogniser misheard, if one listened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_errors: Option<WordErrors>,
}

/// Formats the closeness to single precision, one line a type.
pub fn precision<'a>(results: impl Iterator<Item = &'a Compared>) -> String {
    let results: Vec<&Compared> = results.collect();
    let temperatures: Vec<f32> = results
        .first()
        .map(|Compared { agreement, .. }| {
            agreement.divergence.iter().map(|divergence| divergence.temperature).collect()
        })
        .unwrap_or_default();
    let at: Vec<(String, String)> = temperatures
        .iter()
        .flat_map(|t| ["mean", "max"].map(|of| (format!("KL {of}"), format!("nats, T={t}"))))
        .collect();
    let mut columns = vec![
        ("weights", ""),
        ("steps", ""),
        ("arg max", "%"),
        ("by codebook", "%"),
        ("drawn", "%"),
        ("by codebook", "%"),
    ];
    columns.extend(at.iter().map(|(name, unit)| (name.as_str(), unit.as_str())));
    columns.extend([("hidden", "rel. RMS"), ("wave", "SNR dB"), ("mel", "SNR dB")]);
    if results.iter().any(|result| result.word_errors.is_some()) {
        columns.push(("misheard", "% of words"));
    }
    let mut table = Table::new(&columns);
    for Compared { agreement: result, word_errors } in results {
        let mut cells = vec![result.weights.clone(), result.steps.to_string()];
        for sharing in [&result.arg_max, &result.drawn] {
            cells.extend([percent(sharing.overall), by_codebook(sharing)]);
        }
        cells.extend(result.divergence.iter().flat_map(|d| [small(d.mean), small(d.max)]));
        cells.push(small(result.hidden_relative_rms));
        cells.extend([result.wave_snr_db, result.mel_snr_db].map(|db| match db {
            Some(db) => format!("{db:.1}"),
            None => "same".into(),
        }));
        cells.extend(word_errors.map(|found| percent(found.rate())));
        table.row(cells);
    }
    table.print()
}

/// Formats each layer's error, one line a layer, one column a type.
pub fn layers<'a>(results: impl Iterator<Item = &'a Agreement>) -> String {
    let results: Vec<&Agreement> = results.collect();
    let mut columns = vec![("after", "")];
    for result in &results {
        columns.extend([(result.weights.as_str(), "rel. RMS"), ("", "worst")]);
    }
    let mut table = Table::new(&columns);
    let count = results.iter().map(|result| result.layers.len()).max().unwrap_or(0);
    for layer in 0..count {
        let of = results.iter().find_map(|result| result.layers.get(layer)).map(|d| d.of.clone());
        let mut cells = vec![of.unwrap_or_default()];
        for result in &results {
            let cell = |value: fn(&Deviation) -> f64| {
                result.layers.get(layer).map_or_else(|| NONE.into(), |d| small(value(d)))
            };
            cells.extend([cell(|d| d.relative_rms), cell(|d| d.worst)]);
        }
        table.row(cells);
    }
    table.print()
}

fn by_codebook(sharing: &Sharing) -> String {
    sharing.per_codebook.iter().copied().map(percent).collect::<Vec<_>>().join(" ")
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}

fn median(spread: Option<Spread>, scale: f64) -> String {
    spread.map_or_else(|| NONE.into(), |spread| number(spread.median * scale))
}

/// Formats a number with three significant digits, as many as a measurement has.
pub fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Formats a number that may be very small.
fn small(value: f64) -> String {
    if value == 0.0 { "0".into() } else { format!("{value:.1e}") }
}

/// A table of cells under headings, the first column aligned to the left and all others to the right.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(columns: &[(&str, &str)]) -> Self {
        let names = columns.iter().map(|(name, _)| name.to_string()).collect();
        let units = columns.iter().map(|(_, unit)| unit.to_string()).collect();
        Table { rows: vec![names, units] }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub fn print(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            cells.collect::<Vec<_>>().join(GAP).trim_end().to_string()
        };
        self.rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_characters() {
        let mut table = Table::new(&[("what", ""), ("min–max", "s")]);
        table.row(["a".into(), "1–2".into()]);
        assert_eq!(table.print(), "what  min–max\n            s\na         1–2");
    }

    #[test]
    fn numbers_keep_three_digits() {
        let cases = [(1234.5, "1234"), (12.34, "12.3"), (1.234, "1.23"), (0.01234, "0.012")];
        for (value, expected) in cases {
            assert_eq!(number(value), expected);
        }
    }
}
