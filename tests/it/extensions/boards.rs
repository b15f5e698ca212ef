//! Documents and whiteboards: there only where the settings say where they are.

use hobnob::model::error::Code;
use serde_json::json;

use super::{injected, listed, post};
use crate::harness::{Harness, id_of};

#[tokio::test]
async fn everybody_gets_the_address_of_a_new_one() {
    let settings =
        ["--document-url", "https://pad.example/p/{id}", "--whiteboard-url", "http://board.example/#room={id}"];
    let h = Harness::with(&settings).await;
    let (ann, bob) = (h.user("ann").await, h.user("bob").await);
    h.group("team", &ann, &[&bob]).await;
    for (slug, key, start) in [
        ("document", "document_url", "https://pad.example/p/"),
        ("whiteboard", "board_url", "http://board.example/#room="),
    ] {
        assert!(listed(&ann).await.contains(&slug.to_owned()));
        let (mut at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);
        let quoted = id_of(&bob.send_group("team", "shall we?").await);
        let body = json!({"receiver": "team", "receiverType": "group", "quotedMessageId": quoted});
        let made = post(&ann, slug, "v1/create", body.clone()).await.ok();
        let id = made[key].as_str().unwrap().strip_prefix(start).unwrap().to_owned();
        assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{made}");
        for sock in [&mut at_ann, &mut at_bob] {
            let kind = format!("extension_{slug}");
            let message = sock.expect(|frame| frame["body"]["type"] == *kind).await["body"].clone();
            assert_eq!((&message["sender"], &message["id"]), (&json!("ann"), &made["messageId"]));
            assert_eq!((&injected(&message, slug)[key], &message["data"]["customData"][key]), (&made[key], &made[key]));
            assert_eq!(message["quotedMessageId"], quoted.to_string());
        }
        assert_ne!(post(&ann, slug, "v1/create", body).await.ok()[key], made[key]);
        let nobody = json!({"receiver": "nobody", "receiverType": "user"});
        post(&ann, slug, "v1/create", nobody).await.refused(Code::UidNotFound);
        post(&ann, slug, "v1/create", json!({})).await.refused(Code::InvalidReceiverType);
    }
    let cy = h.user("cy").await;
    let outside = json!({"receiver": "team", "receiverType": "group"});
    post(&cy, "document", "v1/create", outside).await.refused(Code::GroupNotJoined);
}

#[tokio::test]
async fn without_an_address_there_is_none() {
    let h = Harness::start().await;
    let (ann, _) = (h.user("ann").await, h.user("bob").await);
    let all = listed(&ann).await;
    for slug in ["document", "whiteboard", "message-translation", "link-preview"] {
        assert!(!all.contains(&slug.to_owned()), "{all:?}");
        let body = json!({"receiver": "bob", "receiverType": "user"});
        post(&ann, slug, "v1/create", body).await.envelope();
    }
    let body = json!({"receiver": "bob", "receiverType": "user"});
    post(&ann, "document", "v1/create", body).await.refused(Code::ExtensionNotFound);
}
