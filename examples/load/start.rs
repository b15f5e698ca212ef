//! How long the program takes from its start to its first HTTP answer, on an empty data directory (`first`, where it
//! makes its database and certificates) and on one that is there (`again`); and its memory at rest.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    Result,
    http::{self, Http},
    process,
    report::{Finding, findings},
    subject::{Process, Subject},
};

const REST: Duration = Duration::from_secs(1);
const MIB: f64 = 1024.0 * 1024.0;

pub async fn run(subject: &Subject) -> Result<Vec<Finding>> {
    let data = subject.data_dir()?;
    let mut process = subject.launch(&data)?;
    let first = answered(&process).await?;
    process.stop();
    let process = subject.launch(&data)?;
    let again = answered(&process).await?;
    sleep(REST).await;
    let resident = process::resident(process.pid).map(|bytes| bytes as f64 / MIB);
    Ok(findings(
        "start".into(),
        [("first", "ms", Some(first)), ("again", "ms", Some(again)), ("memory at rest", "MiB", resident)],
    ))
}

/// Milliseconds from the start to the first answer, whatever it says.
async fn answered(process: &Process) -> Result<f64> {
    let mut http = Http::open(process.target).await?;
    http.exchange(&http::request("GET", "/v3/settings", &[], "")).await?;
    Ok(process.spawned.elapsed().as_secs_f64() * 1000.0)
}
