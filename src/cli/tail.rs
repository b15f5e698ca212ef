//! `hobnob tail`: what happens on a running server, as it happens.
//!
//! It reads the live tail of the admin API, with a session it makes in the database for as long as it looks: who may read the
//! folder may do anything there. With `--url` it looks at a server elsewhere, with a session of the admin page.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::{Outcome, Target, open};
use crate::actions::admin;
use crate::config::Folder;
use crate::lock;
use crate::logging::{json_line, moves};
use crate::model::admin::{AdminRole, HEADER};
use crate::model::time::date_and_time;
use crate::outgoing::{Outgoing, Reach, Request};
use crate::store::{Store, admins, digest};

/// Flags of `tail`.
#[derive(Args)]
pub struct Tail {
    #[command(flatten)]
    folder: Folder,
    /// Only these kinds: request, frameIn, frameOut, event, webhook, engine, slow
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    kind: Vec<String>,
    /// Only this app, by its id
    #[arg(long, value_name = "APP_ID")]
    app: Option<String>,
    /// Only what concerns this user
    #[arg(long, value_name = "UID")]
    user: Option<String>,
    /// Only what concerns this group
    #[arg(long, value_name = "GUID")]
    group: Option<String>,
    /// Only this status, or this class: 404, 4
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Only what failed
    #[arg(long)]
    failed: bool,
    /// With what people write; noted in the audit log
    #[arg(long)]
    texts: bool,
    /// Print JSON lines, with all there is to each
    #[arg(long)]
    json: bool,
    /// A server elsewhere, e.g. `https://chat.example.org`
    #[arg(long, value_name = "URL", requires = "session")]
    url: Option<String>,
    /// The session of an admin there
    #[arg(long, env = "HOBNOB_ADMIN_SESSION", hide_env_values = true, value_name = "SECRET")]
    session: Option<String>,
}

/// Where it is read, and by which session.
struct Server {
    base: String,
    session: String,
    outgoing: Outgoing,
}

/// Tells what happens until it is interrupted.
pub async fn run(args: Tail) -> Outcome {
    if let (Some(url), Some(session)) = (&args.url, &args.session) {
        let base = url.trim_end_matches('/').to_owned();
        let server = Server { base, session: session.clone(), outgoing: Outgoing::new(Vec::new())? };
        return server.follow(&args).await;
    }
    let base = lock::holder(&args.folder.data).and_then(|holder| holder.base);
    let base = base.ok_or("no server runs on this folder: start it, or name its folder with --data")?;
    let store = open(&Target { folder: args.folder.clone(), json: false })?;
    let session = own_session(&store).await;
    let told = match session {
        Ok(session) => {
            let server = Server { base, session, outgoing: local()? };
            let told = server.follow(&args).await;
            let session = digest(&server.session);
            let _ = store.write("admin.log_out", move |tx| admin::log_out(tx, &session)).await;
            told
        }
        Err(why) => Err(why),
    };
    store.close();
    told
}

/// A client for a server of this machine, whose certificate is its own.
fn local() -> Result<Outgoing, String> {
    Outgoing::new(Vec::new())
}

/// A session of an owner, who is the one that has access to the folder.
async fn own_session(store: &Store) -> Result<String, String> {
    let made = store.write("admin.log_in", |tx| {
        let owner = admins::list(tx)?.into_iter().find(|admin| admin.role == AdminRole::Owner);
        owner.map(|owner| admin::log_in(tx, owner.id, Some("hobnob tail"))).transpose()
    });
    let none = "there is no admin yet: make one with the link that the server printed, or `hobnob admin create`";
    made.await.map_err(|e| e.plain())?.ok_or_else(|| none.to_owned())
}

/// For a read, which waits; and bytes of its answer, which the server bounds further down.
const TIME: Duration = Duration::from_secs(40);
const BYTES: usize = 32 * 1024 * 1024;

impl Server {
    /// The address of the tail of this id.
    fn at(&self, id: &str) -> String {
        format!("{}/admin/api/tail/{id}", self.base).trim_end_matches('/').to_owned()
    }

    async fn follow(&self, args: &Tail) -> Outcome {
        let asked = json!({
            "kinds": args.kind, "app": args.app, "user": args.user, "group": args.group,
            "status": args.status, "failed": args.failed, "texts": args.texts,
        });
        let opened = self.ask(Request::post_json(&self.at(""), Reach::Anywhere, &asked)).await?;
        let id = opened["id"].as_str().ok_or("this is no answer of a Hobnob")?.to_owned();
        eprintln!("what happens at {} from now on; Ctrl-C ends it", self.base);
        let told = tokio::select! {
            told = self.read(&id, args.json) => told,
            () = ended() => Ok(()),
        };
        let _ = self.ask(Request::delete(&self.at(&id), Reach::Anywhere)).await;
        told
    }

    /// `Ok`: nobody reads what is printed any more.
    async fn read(&self, id: &str, as_json: bool) -> Outcome {
        loop {
            let answer = self.ask(Request::get(&self.at(id), Reach::Anywhere)).await?;
            let lost = answer["lost"].as_u64().unwrap_or(0);
            let lost = (lost > 0).then(|| match as_json {
                true => json!({ "lost": lost }).to_string(),
                false => format!("… {lost} lost: more happens than is read here"),
            });
            let told = answer["entries"].as_array().into_iter().flatten();
            let told = told.map(|entry| if as_json { json_line(&entry.to_string()) } else { line(entry) });
            for line in lost.into_iter().chain(told) {
                let mut output = std::io::stdout().lock();
                if let Err(error) = writeln!(output, "{line}").and_then(|()| output.flush()) {
                    return match error.kind() {
                        ErrorKind::BrokenPipe => Ok(()),
                        _ => Err(format!("what happens cannot be written: {error}")),
                    };
                }
            }
        }
    }

    /// What the admin API answers.
    async fn ask(&self, request: Request) -> Result<Value, String> {
        let url = request.url.clone();
        let request = Request { time: TIME, bytes: BYTES, ..request.with_header(HEADER, &self.session)? };
        let answer = self.outgoing.send(request).await.map_err(|failure| format!("{}: {failure}", self.base))?;
        let mut answer: Value = serde_json::from_slice(&answer.body)
            .map_err(|_| format!("{url} answers with status {}, which is not how a Hobnob does", answer.status))?;
        let error = &answer["error"];
        // What it says of a field says more than that a field is wrong.
        let field = error["details"].as_object().and_then(|fields| fields.values().next()?.get(0)?.as_str());
        match field.or(error["message"].as_str()) {
            Some(refusal) => Err(refusal.to_owned()),
            None => Ok(answer["data"].take()),
        }
    }
}

/// Somebody ends the program.
async fn ended() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// An entry in a line: when, what, how it went, whom it concerns.
fn line(entry: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let at = entry["at"].as_i64().unwrap_or_default();
    let time = date_and_time(at.div_euclid(1000));
    let clock = format!("{:02}:{:02}:{:02}.{:03}", time.hour(), time.minute(), time.second(), at.rem_euclid(1000));
    let status = entry["status"].as_u64().map(|status| status.to_string()).unwrap_or_default();
    let facts = &entry["facts"];
    let took = facts["seconds"].as_f64().map(|seconds| format!("{:.1} ms", seconds * 1e3));
    let users = entry["users"].as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(" > ");
    let of = [
        text(&entry["app"]),
        users,
        entry["group"].as_str().map(|guid| format!("group {guid}")).unwrap_or_default(),
        text(&facts["code"]),
        text(&facts["failure"]),
        took.unwrap_or_default(),
    ];
    let of = of.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ");
    // What a client says of itself is no command to a terminal.
    let plain: String =
        format!("{clock}  {:<8}  {status:<3}  {:<44}  {of}", text(&entry["kind"]), text(&entry["title"]))
            .chars()
            .map(|c| if moves(c) { '\u{fffd}' } else { c })
            .collect();
    plain.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_what_and_whom() {
        let entry = json!({"id": 1, "at": 1_764_394_839_007_i64, "kind": "request", "title": "POST /messages\u{1b}[2J", "status": 200,
            "app": "a1", "users": ["ann", "bob"], "group": null, "facts": {"seconds": 0.0032}});
        let line = line(&entry);
        assert!(line.starts_with("05:40:39.007  request   200  POST /messages\u{fffd}[2J"), "{line}");
        assert!(line.ends_with("a1  ann > bob  3.2 ms"), "{line}");
        let odd = json!({"text": "a\u{1b}[2J\u{9b}31m\u{202e}\u{7f}\u{2028}é😀"});
        let safe = json_line(&odd.to_string());
        assert!(!safe.chars().any(moves) && serde_json::from_str::<Value>(&safe).unwrap() == odd, "{safe}");
    }
}
