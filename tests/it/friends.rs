//! Friends: always mutual, made by the app.

use hobnob::model::error::Code;
use serde_json::json;

use crate::harness::Harness;

#[tokio::test]
async fn friendship_is_mutual_and_each_item_has_its_result() {
    let h = Harness::start().await;
    for uid in ["ann", "bob", "cy", "dee"] {
        h.user(uid).await;
    }
    let added = h.post("/users/ann/friends", json!({"accepted": ["bob", "CY", "none", "ann"]})).await.ok();
    assert_eq!(
        added["accepted"]["bob"],
        json!({"success": true, "message": "Created relationship with status accepted."})
    );
    assert_eq!(added["accepted"]["none"]["error"]["code"], "ERR_UID_NOT_FOUND");
    assert_eq!(added["accepted"]["ann"]["error"]["code"], "ERR_CANNOT_FORM_SELF_RELATION");
    let of_ann = h.get("/users/ann/friends").await;
    assert_eq!(of_ann.body["data"][0]["conversationId"], "ann_user_bob");
    assert_eq!(of_ann.each("uid"), ["bob", "cy"]);
    assert_eq!(h.get("/users/bob/friends").await.each("uid"), ["ann"]);
    assert_eq!(h.get("/users/ann/friends?searchKey=c").await.each("uid"), ["cy"]);
    let again = h.post("/users/bob/friends", json!({"accepted": ["ann"]})).await.ok();
    assert_eq!(again["accepted"]["ann"]["error"]["code"], "ERR_ALREADY_FRIEND");

    h.delete_with("/users/bob/friends", json!({"friends": ["ann"]})).await.ok();
    assert_eq!(h.get("/users/ann/friends").await.each("uid"), ["cy"]);
    h.delete_with("/users/bob/friends", json!({"friends": ["ann"]})).await.refused(Code::NotAFriend);
    // One who is no friend stops the call, and nothing of it was done.
    h.delete_with("/users/ann/friends", json!({"friends": ["cy", "dee"]})).await.refused(Code::NotAFriend);
    assert_eq!(h.get("/users/ann/friends").await.each("uid"), ["cy"]);
    h.get("/users/none/friends").await.refused(Code::UidNotFound);
    h.post("/users/none/friends", json!({"accepted": ["ann"]})).await.refused(Code::UidNotFound);
}

#[tokio::test]
async fn a_user_lists_his_friends() {
    let h = Harness::start().await;
    let ann = h.user("ann").await;
    h.user("bob").await;
    h.user("cy").await;
    h.post("/users/ann/friends", json!({"accepted": ["cy"]})).await.ok();
    assert_eq!(ann.get("/users?friendsOnly=1").await.each("uid"), ["cy"]);
    assert_eq!(ann.get("/users").await.each("uid"), ["bob", "cy"]);
}
