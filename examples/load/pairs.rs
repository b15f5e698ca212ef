//! Pairs of users: one writes over REST, the other listens on a socket. A message counts when the receiver's socket has
//! it. The senders hold no socket of their own, so there is exactly one delivery per message.

use crate::{
    Options, Result, cast,
    report::{Finding, findings},
    subject::{Server, Subject},
    traffic::{self, Letter, Outcome, Plan},
};

pub async fn run(subject: &Subject, options: &Options) -> Result<Vec<Finding>> {
    let mut all = Vec::new();
    for &in_flight in &options.in_flight {
        let server = subject.start()?;
        let outcome = flow(&server, options, in_flight).await?;
        all.extend(findings(
            format!("pairs {}x{in_flight}", options.pairs),
            [
                ("delivered", "msg/s", Some(outcome.per_second(outcome.deliveries))),
                ("latency p50", "ms", outcome.latencies.percentile(50)),
                ("latency p99", "ms", outcome.latencies.percentile(99)),
                ("server, each", "us", outcome.cost(outcome.messages)),
                ("server", "cpus", outcome.processors(|at| at.server_seconds)),
                ("generator", "cpus", outcome.processors(|at| at.generator_seconds)),
            ],
        ));
    }
    Ok(all)
}

/// The traffic of this scenario, also used for counting fsyncs.
pub async fn flow(server: &Server, options: &Options, in_flight: usize) -> Result<Outcome> {
    let mut senders = cast::users(server, options.pairs * 2).await?;
    let receivers = senders.split_off(options.pairs);
    let letters = senders
        .iter()
        .zip(&receivers)
        .flat_map(|(sender, receiver)| (0..in_flight).map(move |_| Letter::to_user(server, sender, receiver)))
        .collect();
    let plan = Plan { server, letters, receivers: &receivers, copies: 1, sends: None };
    traffic::run(plan, options.warmup(), options.measure()).await
}
