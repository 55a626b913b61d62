//! Rows, and the table they are printed as.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// A measured value with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "unit", content = "value", rename_all = "kebab-case")]
pub(crate) enum Quantity {
    /// A time, in seconds; a difference of times may be negative.
    Seconds(f64),
    /// So many a second.
    PerSecond(f64),
    /// A size, in bytes.
    Bytes(f64),
    /// Bytes a second.
    BytesPerSecond(f64),
}

/// One line of the table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    name: String,
    measured: Quantity,
    /// What it is compared with, in the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<Compared>,
    /// What was aimed at, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// How it was measured: runs, rate, connections.
    how: String,
}

#[derive(Debug, Clone, Serialize)]
struct Compared {
    with: String,
    value: Quantity,
    /// The measured value by this one.
    ratio: f64,
}

/// All rows of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

impl From<Duration> for Quantity {
    fn from(time: Duration) -> Self {
        Self::Seconds(time.as_secs_f64())
    }
}

impl Quantity {
    fn number(self) -> f64 {
        match self {
            Self::Seconds(n) | Self::PerSecond(n) | Self::Bytes(n) | Self::BytesPerSecond(n) => n,
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |n: f64| match n.abs() {
            1e9.. => (n / 1e9, "GB"),
            1e6.. => (n / 1e6, "MB"),
            1e3.. => (n / 1e3, "kB"),
            _ => (n, "B"),
        };
        let (number, unit, suffix) = match *self {
            Self::Seconds(n) => match n.abs() {
                1.0.. => (n, "s", ""),
                1e-3.. => (n * 1e3, "ms", ""),
                _ => (n * 1e6, "µs", ""),
            },
            Self::PerSecond(n) => return write!(f, "{n:.0}/s"),
            Self::Bytes(n) => (size(n).0, size(n).1, ""),
            Self::BytesPerSecond(n) => (size(n).0, size(n).1, "/s"),
        };
        // Three digits say all that two runs agree on.
        let digits = match number.abs() {
            100.0.. => 0,
            10.0.. => 1,
            _ => 2,
        };
        write!(f, "{number:.digits$} {unit}{suffix}")
    }
}

impl Row {
    /// A row with nothing to compare with yet, and no target.
    pub(crate) fn new(
        name: impl Into<String>,
        measured: impl Into<Quantity>,
        how: impl Into<String>,
    ) -> Self {
        Self { name: name.into(), measured: measured.into(), compared: None, target: None, how: how.into() }
    }

    /// What the same run gave without Hearth, or without the load.
    #[must_use]
    pub(crate) fn against(mut self, with: impl Into<String>, value: impl Into<Quantity>) -> Self {
        let value = value.into();
        let ratio = self.measured.number() / value.number();
        self.compared = Some(Compared { with: with.into(), value, ratio });
        self
    }

    /// What was aimed at.
    #[must_use]
    pub(crate) fn target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    fn cells(&self) -> [String; 6] {
        let compared = self.compared.as_ref();
        [
            self.name.clone(),
            self.measured.to_string(),
            compared.map_or_else(String::new, |compared| format!("{}: {}", compared.with, compared.value)),
            compared.map_or_else(String::new, |compared| format!("{:.2}", compared.ratio)),
            self.target.clone().unwrap_or_default(),
            self.how.clone(),
        ]
    }
}

impl Report {
    /// One more row, which is also shown at once: a run takes minutes.
    pub(crate) fn add(&mut self, row: Row) {
        eprintln!("  {}", row.cells()[..3].join("  |  "));
        self.rows.push(row);
    }

    /// The rows for programs. Values are in seconds, bytes, and such a second.
    pub(crate) fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}

impl fmt::Display for Report {
    /// A table that is Markdown, too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEAD: [&str; 6] = ["measure", "Hearth", "compared with", "ratio", "target", "how"];
        /// Columns of numbers.
        const RIGHT: [bool; 6] = [false, true, false, true, false, false];
        let rows: Vec<[String; 6]> = self.rows.iter().map(Row::cells).collect();
        let widths: [usize; 6] = std::array::from_fn(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([HEAD[column].len()]).max().unwrap_or_default()
        });
        let line = |f: &mut fmt::Formatter<'_>, cells: [&str; 6]| {
            for ((cell, width), right) in cells.iter().zip(widths).zip(RIGHT) {
                if right { write!(f, "| {cell:>width$} ")? } else { write!(f, "| {cell:<width$} ")? }
            }
            writeln!(f, "|")
        };
        line(f, HEAD)?;
        for (width, right) in widths.iter().zip(RIGHT) {
            write!(f, "|{}{}", "-".repeat(width + 1), if right { ":" } else { "-" })?;
        }
        writeln!(f, "|")?;
        rows.iter().try_for_each(|row| line(f, row.each_ref().map(String::as_str)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_three_digits_and_a_fitting_unit() {
        for (quantity, shown) in [
            (Quantity::Seconds(0.1714), "171 ms"),
            (Quantity::Seconds(0.000_012_3), "12.3 µs"),
            (Quantity::Seconds(-0.0021), "-2.10 ms"),
            (Quantity::PerSecond(20_123.4), "20123/s"),
            (Quantity::Bytes(38_400_000.0), "38.4 MB"),
            (Quantity::BytesPerSecond(1.5e9), "1.50 GB/s"),
        ] {
            assert_eq!(quantity.to_string(), shown);
        }
    }

    #[test]
    fn a_row_says_how_many_times_the_other_it_is() {
        let mut report = Report::default();
        let row = Row::new("start", Duration::from_millis(300), "5 runs");
        report.add(row.against("bare", Duration::from_millis(200)).target("0.5 s"));
        let table = report.to_string();
        let cells: Vec<&str> = table.lines().nth(2).unwrap().split('|').map(str::trim).collect();
        assert_eq!(cells[1..7], ["start", "300 ms", "bare: 200 ms", "1.50", "0.5 s", "5 runs"]);
        assert!(report.to_json().unwrap().contains("\"ratio\": 1.4999"));
    }
}
