//! A code of a device beside the password.

use hmac::{Hmac, KeyInit, Mac};
use hobnob::model::Code;
use hobnob::model::admin::AdminRole;
use serde_json::{Value, json};
use sha1::Sha1;

use super::roles::admin_of;
use super::{PASSWORD, root, session};
use crate::harness::{Answer, Client, Harness, hobnob};

/// What a device shows at that time; its secret as it was typed.
fn shown(secret: &str, now: i64) -> String {
    let (mut bits, mut held, mut key) = (0, 0_u64, Vec::new());
    for letter in secret.bytes() {
        let five = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|one| *one == letter).expect("base32");
        (held, bits) = (held << 5 | five as u64, bits + 5);
        if bits >= 8 {
            bits -= 8;
            key.push((held >> bits & 255) as u8);
        }
    }
    let mut mac = Hmac::<Sha1>::new_from_slice(&key).unwrap();
    mac.update(&(now / 30).to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let number = u32::from_be_bytes(hash[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

async fn log_in(h: &Harness, name: &str, code: Option<&str>) -> Answer {
    let mut body = json!({"name": name, "password": PASSWORD});
    if let Some(code) = code {
        body["code"] = json!(code);
    }
    h.nobody().post("/admin/api/login", body).await
}

/// The secret of a device that is enrolled and confirmed, and the codes that stand in for it.
async fn with_device(h: &Harness, admin: &Client) -> (String, Vec<String>) {
    let made = admin.post("/admin/api/totp", json!({"current": PASSWORD})).await.ok();
    let secret = made["secret"].as_str().unwrap().to_owned();
    let done = admin.post("/admin/api/totp/confirm", json!({"code": shown(&secret, h.clock.now())})).await.ok();
    let codes = done["recoveryCodes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned());
    (secret, codes.collect())
}

#[tokio::test]
async fn a_code_is_asked_for_and_works_once() {
    let h = Harness::start().await;
    let root = root(&h).await;
    root.post("/admin/api/totp", json!({"current": "wrong"})).await.refused(Code::BadRequest);
    root.post("/admin/api/totp/confirm", json!({"code": "000000"})).await.refused(Code::BadRequest);
    let made = root.post("/admin/api/totp", json!({"current": PASSWORD})).await.ok();
    assert!(
        made["url"]
            .as_str()
            .unwrap()
            .ends_with(&format!("root?secret={}&issuer=Hobnob", made["secret"].as_str().unwrap()))
    );
    assert!(made["picture"].as_str().unwrap().starts_with("<svg "), "a device reads it with its camera");
    log_in(&h, "root", None).await.ok();
    root.post("/admin/api/totp/confirm", json!({})).await.refused(Code::BadRequest);
    // Another secret takes the place of one that was not confirmed.
    let (secret, recovery) = with_device(&h, &root).await;
    root.post("/admin/api/totp/confirm", json!({"code": shown(made["secret"].as_str().unwrap(), h.clock.now())}))
        .await
        .refused(Code::BadRequest);
    root.post("/admin/api/totp", json!({"current": PASSWORD})).await.refused(Code::PermissionDenied);
    assert_eq!(root.get("/admin/api/me").await.ok()["totp"], true);

    let code = |later: i64| shown(&secret, h.clock.now() + later);
    for _ in 0..20 {
        let refused = log_in(&h, "root", None).await.refused(Code::NoAccess);
        assert_eq!(refused["params"]["code"], "missing", "no guess, however often: {refused}");
    }
    let refused = log_in(&h, "root", Some(&code(0))).await.refused(Code::NoAccess);
    assert_eq!(refused["params"]["code"], "wrong", "it confirmed the device");
    h.clock.advance(30);
    // One of many at the same time.
    let now = code(0);
    let all = futures_util::future::join_all((0..4).map(|_| log_in(&h, "root", Some(&now)))).await;
    assert_eq!(all.iter().filter(|answer| answer.status == 200).count(), 1);
    log_in(&h, "root", Some(&now)).await.refused(Code::NoAccess);
    // A device may be half a minute ahead; what it showed before is used up by that.
    h.clock.advance(60);
    log_in(&h, "root", Some(&code(30))).await.ok();
    log_in(&h, "root", Some(&code(0))).await.refused(Code::NoAccess);
    // The wrong password is not told from the right one by what is said of codes.
    let body = json!({"name": "root", "password": "wrong", "code": code(0)});
    let refused = h.nobody().post("/admin/api/login", body).await.refused(Code::NoAccess);
    assert!(refused.get("params").is_none_or(Value::is_null), "{refused}");

    // Codes that stand in for the device, as people type them; kept as digests.
    assert_eq!(recovery.len(), 10);
    log_in(&h, "root", Some(&recovery[0].to_uppercase().replace('-', " "))).await.ok();
    log_in(&h, "root", Some(&recovery[0])).await.refused(Code::NoAccess);
    log_in(&h, "root", Some(&recovery[1])).await.ok();
    assert_eq!(h.count("SELECT count(*) FROM admin_recovery"), 8);
    let stored = h.snapshot().await.0;
    assert!(recovery.iter().all(|code| !stored.contains(code.as_str()) && !stored.contains(&code.replace('-', ""))));
    let listed = String::from_utf8(hobnob(&h.data, &["admin", "list"]).stdout).unwrap();
    assert!(listed.contains("root  with a code"), "{listed}");

    // Codes that are tried out are guesses.
    for _ in 0..5 {
        log_in(&h, "root", Some("000000")).await.refused(Code::NoAccess);
    }
    log_in(&h, "root", Some(&recovery[2])).await.refused(Code::TooManyRequests);
}

#[tokio::test]
async fn it_is_switched_off_by_oneself_by_an_owner_and_by_a_link() {
    let h = Harness::start().await;
    let root = root(&h).await;
    with_device(&h, &root).await;
    root.delete_with("/admin/api/totp", json!({"current": "wrong"})).await.refused(Code::BadRequest);
    log_in(&h, "root", None).await.refused(Code::NoAccess);
    root.delete_with("/admin/api/totp", json!({"current": PASSWORD})).await.ok();
    log_in(&h, "root", None).await.ok();
    assert_eq!(h.count("SELECT count(*) FROM admin_recovery"), 0);

    let invited = root.post("/admin/api/admins", json!({"role": "viewer"})).await.ok();
    let body = json!({"link": invited["link"], "name": "eve", "password": PASSWORD});
    let eve = session(&h, &h.nobody().post("/admin/api/setup", body).await.ok());
    let id = eve.get("/admin/api/me").await.ok()["id"].clone();
    let path = format!("/admin/api/admins/{id}/totp");
    with_device(&h, &eve).await;
    admin_of(&h, AdminRole::Admin).await.delete(&path).await.refused(Code::NoAccess);
    log_in(&h, "eve", None).await.refused(Code::NoAccess);
    root.delete(&path).await.ok();
    let eve = session(&h, &log_in(&h, "eve", None).await.ok());

    with_device(&h, &eve).await;
    let made = hobnob(&h.data, &["admin", "reset", "eve", "--json"]);
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    h.nobody().post("/admin/api/setup", json!({"link": made["setup"], "password": PASSWORD})).await.ok();
    log_in(&h, "eve", None).await.ok();
    let acts = root.get("/admin/api/audit?perPage=100").await.each("act");
    assert_eq!(acts.iter().filter(|act| *act == "admin.totp-on").count(), 3);
    assert_eq!(acts.iter().filter(|act| *act == "admin.totp-off").count(), 2);
}
