//! What an open, authenticated, silent socket costs in memory. Every socket belongs to a user of its own, subscribes to
//! no presence, and pings every 15 s as an SDK does.
//!
//! The server is started afresh after its users were made, so that memory it has already used for something else does
//! not hide what the connections need; and a few connections come and go before, so that what is allocated once and
//! for all is not counted.

use std::time::Duration;

use tokio::{task::JoinSet, time::sleep};

use crate::{
    Options, Result, cast, process,
    report::{Finding, findings},
    socket::{self, Socket},
    subject::Subject,
};

const SETTLE: Duration = Duration::from_secs(3);
const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * 1024.0;

pub async fn run(subject: &Subject, options: &Options) -> Result<Vec<Finding>> {
    let mut levels = options.sockets.clone();
    levels.sort_unstable();
    let most = levels.last().copied().unwrap_or(0);

    let mut server = subject.start()?;
    let users = cast::users(&server, most).await?;
    server.restart()?;
    drop(cast::sockets(&server, &users[..users.len().min(64)]).await?);
    sleep(SETTLE).await;
    let before = server.resident()?;

    let mut all = Vec::new();
    let mut tasks = JoinSet::new();
    let mut open = 0;
    for level in levels {
        let sockets = cast::sockets(&server, &users[open..level]).await?;
        open = level;
        for socket in &sockets {
            socket.outgoing().ping()?;
        }
        tasks.spawn_local(ping(sockets.iter().map(Socket::outgoing).collect()));
        for socket in sockets {
            tasks.spawn_local(listen(socket));
        }
        sleep(SETTLE).await;
        let busy = server.pid.and_then(process::processor_seconds);
        sleep(SETTLE).await;
        let busier = server.pid.and_then(process::processor_seconds);
        if let Some(ended) = tasks.try_join_next() {
            return Err(format!("a socket did not stay open: {}", ended?).into());
        }
        let after = server.resident()?;
        let per_connection = (after as f64 - before as f64) / level as f64;
        let processors = busier.zip(busy).map(|(b, a)| (b - a) / SETTLE.as_secs_f64());
        all.extend(findings(
            format!("idle {level}"),
            [
                ("per connection", "KiB", Some(per_connection / KIB)),
                ("memory before", "MiB", Some(before as f64 / MIB)),
                ("memory after", "MiB", Some(after as f64 / MIB)),
                ("server", "cpus", processors),
            ],
        ));
    }
    Ok(all)
}

async fn ping(sockets: Vec<socket::Outgoing>) -> String {
    socket::keep_alive(sockets).await;
    "the pinger ended".into()
}

/// Ends with the connection; why it ended.
async fn listen(mut socket: Socket) -> String {
    loop {
        if let Err(error) = socket.frames(|_| {}).await {
            return error.to_string();
        }
    }
}
