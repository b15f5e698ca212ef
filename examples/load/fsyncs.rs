//! How many fsyncs a message takes: the traffic of `pairs`, with the server running under strace. Tracing slows the
//! server down, so the message rate here is no measure of it; it is shown because it tells how full the batches were.

use crate::{
    Options, Result, pairs,
    report::{Finding, findings},
    subject::Subject,
};

pub async fn run(subject: &Subject, options: &Options) -> Result<Vec<Finding>> {
    let mut all = Vec::new();
    for &in_flight in &options.in_flight {
        let server = subject.start_traced()?;
        let outcome = pairs::flow(&server, options, in_flight).await?;
        let fsyncs =
            outcome.after.fsyncs.zip(outcome.before.fsyncs).map(|(after, before)| after.saturating_sub(before));
        let messages = outcome.messages.max(1);
        all.extend(findings(
            format!("fsyncs {}x{in_flight}", options.pairs),
            [
                ("per message", "fsyncs", fsyncs.map(|count| count as f64 / messages as f64)),
                ("fsyncs", "1/s", fsyncs.map(|count| outcome.per_second(count))),
                ("messages, traced", "msg/s", Some(outcome.per_second(messages))),
            ],
        ));
    }
    Ok(all)
}
