//! Metrics as Prometheus reads them: the text format, version 0.0.4.
//!
//! Names and values of labels are words of the program (`&'static str`), so nothing a user gave can stand in one: not by
//! care, but by type.

use std::fmt::Write as _;

use super::meter::Histogram;

/// What an answer in this format is called.
pub const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Labels of a value, in the order in which they are shown.
pub type Labels<'l> = &'l [(&'static str, &'static str)];

/// What a family of values means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only ever rises, until the next start.
    Counter,
    Gauge,
    Histogram,
}

/// A page of metrics.
#[derive(Default)]
pub struct Page(String);

/// The family that is being written.
pub struct Family<'p> {
    page: &'p mut String,
    name: &'static str,
}

impl Page {
    /// Begins a family. `help`: one line.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Family { page: &mut self.0, name }
    }

    pub fn into_text(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// A value of it.
    pub fn value(&mut self, labels: Labels<'_>, value: f64) -> &mut Self {
        self.line("", labels, None, value);
        self
    }

    /// A count of it.
    pub fn count(&mut self, labels: Labels<'_>, count: u64) -> &mut Self {
        self.value(labels, count as f64)
    }

    pub fn histogram(&mut self, labels: Labels<'_>, histogram: &Histogram) -> &mut Self {
        let read = histogram.read();
        for (end, below) in &read.below {
            self.line("_bucket", labels, Some(&end.to_string()), *below as f64);
        }
        self.line("_bucket", labels, Some("+Inf"), read.count as f64);
        self.line("_sum", labels, None, read.sum);
        self.line("_count", labels, None, read.count as f64);
        self
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, end: Option<&str>, value: f64) {
        let _ = write!(self.page, "{}{suffix}", self.name);
        let mut separator = '{';
        for (name, text) in labels.iter().copied().chain(end.map(|end| ("le", end))) {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.page, "{separator}{name}=\"{text}\"");
            separator = ',';
        }
        if separator == ',' {
            self.page.push('}');
        }
        let _ = writeln!(self.page, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_the_format_says() {
        let mut page = Page::default();
        page.family("a_total", Kind::Counter, "Help.")
            .count(&[], 3)
            .count(&[("x", "q\"\\\n"), ("y", "z")], 4_000_000_000);
        let counts = Histogram::of_counts();
        counts.note(1);
        counts.note(1_000);
        page.family("b", Kind::Histogram, "More.").histogram(&[("k", "v")], &counts);
        let text = page.into_text();
        let begin = "# HELP a_total Help.\n# TYPE a_total counter\na_total 3\n\
                     a_total{x=\"q\\\"\\\\\\n\",y=\"z\"} 4000000000\n\
                     # HELP b More.\n# TYPE b histogram\nb_bucket{k=\"v\",le=\"1\"} 1\n";
        assert!(text.starts_with(begin), "{text}");
        let end = "b_bucket{k=\"v\",le=\"256\"} 1\nb_bucket{k=\"v\",le=\"+Inf\"} 2\nb_sum{k=\"v\"} 1001\nb_count{k=\"v\"} 2\n";
        assert!(text.ends_with(end), "{text}");
    }
}
