//! One group, many connected members. The sender is a member without a socket, so a message is delivered to exactly
//! the others; the latency is that of the last of them.

use crate::{
    Options, Result, cast,
    report::{Finding, findings},
    subject::Subject,
    traffic::{self, Letter, Plan},
};

pub async fn run(subject: &Subject, options: &Options) -> Result<Vec<Finding>> {
    let mut all = Vec::new();
    for &members in &options.members {
        let server = subject.start()?;
        let mut receivers = cast::users(&server, members + 1).await?;
        let sender = receivers.pop().ok_or("no sender")?;
        let guid = cast::group(&server, &sender, &receivers).await?;
        for &sends in &options.sends {
            let letter = |_| Letter::to_group(&server, &sender, &guid);
            let plan = Plan {
                server: &server,
                letters: (0..sends).map(letter).collect(),
                receivers: &receivers,
                copies: u32::try_from(members)?,
                sends: None,
            };
            let outcome = traffic::run(plan, options.warmup(), options.measure()).await?;
            all.extend(findings(
                format!("fanout {members}x{sends}"),
                [
                    ("deliveries", "1/s", Some(outcome.per_second(outcome.deliveries))),
                    ("messages", "msg/s", Some(outcome.per_second(outcome.messages))),
                    ("last member p50", "ms", outcome.latencies.percentile(50)),
                    ("last member p99", "ms", outcome.latencies.percentile(99)),
                    ("server, each", "us", outcome.cost(outcome.deliveries)),
                    ("server", "cpus", outcome.processors(|at| at.server_seconds)),
                    ("generator", "cpus", outcome.processors(|at| at.generator_seconds)),
                ],
            ));
        }
    }
    Ok(all)
}
