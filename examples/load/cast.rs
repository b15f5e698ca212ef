//! The users and groups of a scenario, made over the REST API like anybody's.

use std::{
    cell::Cell,
    net::{IpAddr, Ipv4Addr},
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use futures_util::future::try_join_all;
use serde_json::{Value, json};

use crate::{
    Result,
    http::{self, Http},
    socket::Socket,
    subject::Server,
};

/// Connections used for setting up.
const WIDTH: usize = 32;
/// Most members added by one call.
const MEMBERS_PER_CALL: usize = 25;
/// Sockets opened from one loopback address before the next is taken: there are not many more ports.
const SOCKETS_PER_ADDRESS: usize = 20_000;

pub struct User {
    pub uid: String,
    pub token: String,
    pub jwt: String,
}

/// Makes users and logs them in.
pub async fn users(server: &Server, count: usize) -> Result<Vec<User>> {
    let batch = unique();
    in_parallel(server, count, async |api, index| {
        let uid = format!("load-{batch}-{index}");
        let user = json!({"uid": uid, "name": format!("Load {index}")});
        api.as_app("POST", "/v3/users", &user).await?;
        let path = format!("/v3/users/{uid}/auth_tokens");
        let token = api.as_app("POST", &path, &json!({"force": true})).await?;
        let token = text(&token, "authToken")?;
        let device = json!({"platform": "WEB", "deviceId": format!("device-{uid}")});
        let me = api.as_user("PUT", "/v3/me", &token, &device).await?;
        let jwt = text(&me, "jwt")?;
        Ok(User { uid, token, jwt })
    })
    .await
}

/// Makes a public group of `owner` and `members`; its guid.
pub async fn group(server: &Server, owner: &User, members: &[User]) -> Result<String> {
    let guid = format!("group-{}", unique());
    let mut api = Api::open(server).await?;
    let group = json!({"guid": guid, "name": "Load", "type": "public", "owner": owner.uid});
    api.as_app("POST", "/v3/groups", &group).await?;
    for part in members.chunks(MEMBERS_PER_CALL) {
        let uids: Vec<_> = part.iter().map(|member| &member.uid).collect();
        let added = api.as_app("POST", &format!("/v3/groups/{guid}/members"), &json!({"participants": uids})).await?;
        for uid in uids {
            if added["participants"][uid]["success"] != true {
                return Err(format!("{uid} did not become a member: {added}").into());
            }
        }
    }
    Ok(guid)
}

/// Opens a socket for every user, from several addresses when there are very many.
pub async fn sockets(server: &Server, users: &[User]) -> Result<Vec<Socket>> {
    let next = Cell::new(0);
    let parts = try_join_all((0..WIDTH).map(|_| async {
        let mut opened = Vec::new();
        while let Some(index) = take(&next, users.len()) {
            let address = Ipv4Addr::from(0x7f00_0001 + (index / SOCKETS_PER_ADDRESS) as u32);
            let source = (index >= SOCKETS_PER_ADDRESS).then_some(IpAddr::V4(address));
            opened.push(Socket::open(server.target, source, &server.app.id, &users[index]).await?);
        }
        Result::Ok(opened)
    }))
    .await?;
    Ok(parts.into_iter().flatten().collect())
}

/// Does `work` for every index below `count`, over a few connections at a time; the results in order.
async fn in_parallel<T>(
    server: &Server,
    count: usize,
    work: impl AsyncFn(&mut Api, usize) -> Result<T>,
) -> Result<Vec<T>> {
    let next = Cell::new(0);
    let parts = try_join_all((0..WIDTH.min(count)).map(|_| async {
        let mut api = Api::open(server).await?;
        let mut done = Vec::new();
        while let Some(index) = take(&next, count) {
            done.push((index, work(&mut api, index).await?));
        }
        Result::Ok(done)
    }))
    .await?;
    let mut all: Vec<_> = parts.into_iter().flatten().collect();
    all.sort_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, result)| result).collect())
}

fn take(next: &Cell<usize>, limit: usize) -> Option<usize> {
    let index = next.get();
    next.set(index + 1);
    (index < limit).then_some(index)
}

/// A REST client for setting things up: slow and careful, unlike `http`.
struct Api<'a> {
    http: Http,
    server: &'a Server,
}

impl<'a> Api<'a> {
    async fn open(server: &'a Server) -> Result<Self> {
        Ok(Self { http: Http::open(server.target).await?, server })
    }

    async fn as_app(&mut self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let key = ("apikey", self.server.app.api_key.as_str());
        self.call(method, path, key, body).await
    }

    async fn as_user(&mut self, method: &str, path: &str, token: &str, body: &Value) -> Result<Value> {
        self.call(method, path, ("authToken", token), body).await
    }

    /// The `data` of the answer.
    async fn call(&mut self, method: &str, path: &str, who: (&str, &str), body: &Value) -> Result<Value> {
        let app = ("appId", self.server.app.id.as_str());
        let request = http::request(method, path, &[app, who], &body.to_string());
        let reply = self.http.exchange(&request).await?;
        let mut answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        match answer.get_mut("data") {
            Some(data) if reply.status == 200 => Ok(data.take()),
            _ => Err(format!("{method} {path}: {} {}", reply.status, reply.text()).into()),
        }
    }
}

fn text(data: &Value, key: &str) -> Result<String> {
    let value = data[key].as_str();
    Ok(value.ok_or_else(|| format!("no {key} in {data}"))?.to_owned())
}

/// Part of a uid, guid or muid nobody had before, also on a server that outlives this program.
pub fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    format!("{seconds:x}-{count}")
}
