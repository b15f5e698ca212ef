//! What was measured, as medians over the runs: a table for people, JSON for programs.

use std::{fmt, path::Path};

use serde_json::{Value, json};

use crate::process;

/// One figure of one run.
pub struct Finding {
    scenario: String,
    metric: &'static str,
    unit: &'static str,
    value: f64,
}

/// The figures of a scenario that could be measured.
pub fn findings<const N: usize>(
    scenario: String,
    figures: [(&'static str, &'static str, Option<f64>); N],
) -> Vec<Finding> {
    figures
        .into_iter()
        .filter_map(|(metric, unit, value)| Some(Finding { scenario: scenario.clone(), metric, unit, value: value? }))
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Server = 0,
    Baseline = 1,
}

pub struct Report {
    names: Vec<String>,
    runs: usize,
    machine: Vec<(&'static str, String)>,
    rows: Vec<Row>,
    notes: Vec<String>,
    failures: usize,
}

struct Row {
    scenario: String,
    metric: &'static str,
    unit: &'static str,
    values: [Vec<f64>; 2],
}

impl Report {
    pub fn new(names: Vec<String>, runs: usize, data_root: &Path) -> Self {
        let processors = std::thread::available_parallelism().map_or(0, usize::from);
        Self {
            names,
            runs,
            machine: vec![
                ("processors", processors.to_string()),
                ("kernel", process::kernel()),
                ("file system", process::file_system(data_root)),
                ("load before", process::load_average()),
            ],
            rows: Vec::new(),
            notes: Vec::new(),
            failures: 0,
        }
    }

    pub fn add(&mut self, side: Side, findings: Vec<Finding>) {
        for Finding { scenario, metric, unit, value } in findings {
            let known = self.rows.iter().position(|row| row.scenario == scenario && row.metric == metric);
            let index = known.unwrap_or_else(|| {
                self.rows.push(Row { scenario, metric, unit, values: Default::default() });
                self.rows.len() - 1
            });
            self.rows[index].values[side as usize].push(value);
        }
    }

    pub fn skip(&mut self, scenario: &str, reason: &str) {
        eprintln!("{scenario}: skipped: {reason}");
        self.notes.push(format!("{scenario} skipped: {reason}"));
    }

    pub fn fail(&mut self, scenario: &str, name: &str, reason: &str) {
        self.failures += 1;
        self.notes.push(format!("{scenario} of {name} FAILED: {reason}"));
    }

    pub fn failures(&self) -> usize {
        self.failures
    }

    pub fn json(&self) -> Value {
        let machine: serde_json::Map<_, _> =
            self.machine.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                let side = |values: &Vec<f64>| json!({"median": median(values), "runs": values});
                json!({
                    "scenario": row.scenario, "metric": row.metric, "unit": row.unit,
                    "server": side(&row.values[0]),
                    "baseline": side(&row.values[1]),
                    "ratio": row.ratio(),
                })
            })
            .collect();
        json!({"programs": self.names, "runs": self.runs, "machine": machine, "results": rows, "notes": self.notes})
    }
}

impl Row {
    fn ratio(&self) -> Option<f64> {
        let [server, baseline] = self.values.each_ref().map(|values| median(values));
        Some(server? / baseline.filter(|value| *value != 0.0)?)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine: Vec<_> = self.machine.iter().map(|(key, value)| format!("{key} {value}")).collect();
        writeln!(f, "{}; medians of {} runs (least..most)\n", machine.join(", "), self.runs)?;

        let compared = self.names.len() > 1;
        write!(f, "{:<18} {:<17} {:<6} {:>27}", "scenario", "metric", "unit", self.names[0])?;
        if compared {
            write!(f, " {:>27} {:>7}", self.names[1], "ratio")?;
        }
        writeln!(f)?;
        let mut scenario = "";
        for row in &self.rows {
            let shown = if row.scenario == scenario { "" } else { &row.scenario };
            scenario = &row.scenario;
            write!(f, "{shown:<18} {:<17} {:<6}", row.metric, row.unit)?;
            write!(f, " {:>27}", spread(&row.values[0]))?;
            if compared {
                let ratio = row.ratio().map_or_else(|| "-".into(), |ratio| format!("{ratio:.2}"));
                write!(f, " {:>27} {ratio:>7}", spread(&row.values[1]))?;
            }
            writeln!(f)?;
        }
        for note in &self.notes {
            writeln!(f, "\n{note}")?;
        }
        Ok(())
    }
}

fn spread(values: &[f64]) -> String {
    let Some(median) = median(values) else {
        return "-".into();
    };
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{} ({}..{})", number(median), number(least), number(most))
}

/// Three digits or more.
fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}
