//! Translations by a service that speaks LibreTranslate's API.

use std::sync::{Arc, Mutex};

use hobnob::model::error::Code;
use serde_json::{Value, json};

use super::{listed, post, site};
use crate::harness::{Harness, id_of};

#[tokio::test]
async fn a_text_is_translated_by_the_service_in_the_settings() {
    let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
    let note = asked.clone();
    let service = site(move |path, body| {
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        note.lock().unwrap().push(body.clone());
        let json = "Content-Type: application/json\r\n";
        match body["target"].as_str() {
            _ if path != "/translate" => (404, json, "{}".to_owned()),
            Some("xx" | "en-US") => (400, json, json!({"error": "xx is not supported"}).to_string()),
            Some("zz") => (500, json, "{}".to_owned()),
            _ => {
                let mut said = json!({"translatedText": format!("{} in {}", body["q"].as_str().unwrap(), body["target"].as_str().unwrap())});
                if body["source"] == "auto" {
                    said["detectedLanguage"] = json!({"confidence": 90, "language": "en"});
                }
                (200, json, said.to_string())
            }
        }
    })
    .await;
    let h = Harness::with(&["--translate-url", &format!("http://{service}"), "--translate-key", "k1"]).await;
    let (ann, bob, cy) = (h.user("ann").await, h.user("bob").await, h.user("cy").await);
    assert!(listed(&ann).await.contains(&"message-translation".to_owned()));
    let id = id_of(&ann.send("bob", "hello").await);
    let body = json!({"msgId": id, "text": "hello", "languages": ["de", "xx", "fr"]});
    let done = post(&bob, "message-translation", "v2/translate", body.clone()).await.ok();
    assert_eq!(
        done,
        json!({"msgId": id, "language_original": "en", "translations": [
            {"message_translated": "hello in de", "language_translated": "de", "error": null, "error_description": null},
            {"message_translated": "", "language_translated": "xx", "error": "UnsupportedLanguagePairException",
             "error_description": "xx is not supported"},
            {"message_translated": "hello in fr", "language_translated": "fr", "error": null, "error_description": null},
        ]})
    );
    let said = asked.lock().unwrap().clone();
    assert_eq!(said.iter().map(|one| one["source"].as_str().unwrap()).collect::<Vec<_>>(), ["auto", "en", "en"]);
    assert!(said.iter().all(|one| one["api_key"] == "k1" && one["format"] == "text"), "{said:?}");

    // The region of a browser is not the service's business.
    let regional = json!({"text": "hallo", "languages": ["en-US"]});
    let done = post(&bob, "message-translation", "v2/translate", regional).await.ok();
    let said = (&done["translations"][0]["message_translated"], &done["translations"][0]["language_translated"]);
    assert_eq!(said, (&json!("hallo in en"), &json!("en-US")));

    // Without a message, without a text, without languages.
    let done = post(&bob, "message-translation", "v2/translate", json!({"text": "hi", "languages": []})).await.ok();
    assert_eq!((&done["translations"][0]["message_translated"], done.get("msgId")), (&json!("hi in en"), None));
    let own =
        post(&bob, "message-translation", "v2/translate", json!({"msgId": id.to_string(), "languages": ["de"]})).await;
    assert_eq!(own.ok()["translations"][0]["message_translated"], "hello in de");
    // Who may not read it may not have it translated.
    post(&cy, "message-translation", "v2/translate", body).await.refused(Code::MessageNoAccess);

    let ask = async |text: &str, languages: Value| {
        post(&bob, "message-translation", "v2/translate", json!({"text": text, "languages": languages})).await
    };
    ask("hi", json!(["xx"])).await.refused(Code::TranslationUnsupported);
    let failed = ask("hi", json!(["zz", "de"])).await;
    assert_eq!((failed.status, failed.code()), (503, Some("ERR_TRANSLATION_FAILED")));
    assert!(failed.headers.contains_key("retry-after"));
    let partly = ask("hi", json!(["de", "zz"])).await.ok();
    assert_eq!(partly["translations"][1]["error"], "ServiceUnavailableException");
    for (text, languages, code) in [
        (" ", json!(["de"]), Code::EmptyText),
        ("hi", json!(["../x"]), Code::BadRequest),
        ("hi", json!(vec!["de"; 21]), Code::BadRequest),
        ("hi", json!(7), Code::BadRequest),
    ] {
        ask(text, languages).await.refused(code);
    }
}
