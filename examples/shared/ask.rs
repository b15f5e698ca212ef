//! Requests to a server, one at a time, and how long they take.

use std::time::{Duration, Instant};

pub struct Asker {
    http: reqwest::Client,
    base: String,
    app_id: String,
    api_key: String,
}

/// Of many times: the middle, and what 99 of 100 stay below.
pub struct Times {
    pub p50: f64,
    pub p99: f64,
}

impl Times {
    /// In milliseconds.
    pub fn of(mut times: Vec<Duration>) -> Times {
        times.sort();
        let at = |part: usize| times.get(times.len() * part / 100).map_or(0.0, |time| time.as_secs_f64() * 1e3);
        Times { p50: at(50), p99: at(99) }
    }
}

impl Asker {
    pub fn new(base: String, app_id: String, api_key: String) -> Asker {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Asker { http, base, app_id, api_key }
    }

    /// What one request is answered, and how long that took. For a user, or for the app.
    pub async fn ask(&self, method: &str, path: &str, uid: &str, body: &str) -> (String, Duration) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self
            .http
            .request(method.clone(), format!("{}/v3{path}", self.base))
            .header("appId", &self.app_id)
            .header("apiKey", &self.api_key);
        if !uid.is_empty() {
            request = request.header("onBehalfOf", uid);
        }
        if method != reqwest::Method::GET {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        let started = Instant::now();
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("text");
        let took = started.elapsed();
        assert!(status.is_success(), "{path}: {status} {text}");
        (text, took)
    }

    /// As many requests as are asked for, of these paths by turns, and what the last one was answered.
    pub async fn measure(&self, paths: &[String], uid: &str, requests: usize) -> (Times, String) {
        let (mut times, mut last) = (Vec::new(), String::new());
        // The first ones open connections and read pages from the disk.
        for n in 0..requests + 10 {
            let (text, took) = self.ask("GET", &paths[n % paths.len()], uid, "").await;
            if n >= 10 {
                times.push(took);
            }
            last = text;
        }
        (Times::of(times), last)
    }
}
