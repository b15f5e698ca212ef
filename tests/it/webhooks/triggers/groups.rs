//! Groups and who is in them.

use serde_json::{Value, json};

use super::{Ears, all, keys, whole};
use crate::harness::Harness;

pub const TRIGGERS: &[&str] = &[
    "group_created",
    "group_updated",
    "group_deleted",
    "group_owner_transferred",
    "group_member_added",
    "group_member_kicked",
    "group_member_removed",
    "group_member_banned",
    "group_member_unbanned",
    "group_member_joined",
    "group_member_left",
    "group_member_scope_changed",
];

fn members(told: &Value) -> Vec<&str> {
    keys(&told["members"])
}

#[tokio::test]
async fn groups_are_told() {
    let h = Harness::start().await;
    let (ann, bob) = (whole(&h, "ann").await, whole(&h, "bob").await);
    for uid in ["cy", "dee", "eli"] {
        whole(&h, uid).await;
    }
    let mut ears = Ears::of(&h, &all()).await;
    let lists = json!({"participants": ["bob", "cy", "none"], "usersToBan": ["eli"]});
    let group = json!({"guid": "team", "name": "Team", "type": "public", "members": lists});
    ann.post("/groups", group).await.ok();
    let told = ears.hear(&["group_created", "group_member_added", "group_member_banned"]).await;
    assert_eq!(
        (members(&told[0]), members(&told[1]), members(&told[2])),
        (vec!["ann"], vec!["bob", "cy"], vec!["eli"])
    );
    assert_eq!((&told[0]["group"]["membersCount"], &told[1]["group"]["membersCount"]), (&json!(1), &json!(3)));
    assert_eq!(told[1]["members"]["bob"]["conversationId"], "ann_user_bob");
    let at_bob = bob.connect().await;
    ann.put("/groups/team", json!({"name": "Team of ours"})).await.ok();
    let told = ears.hear(&["group_updated"]).await;
    let told = &told[0]["group"];
    assert_eq!(
        (&told["name"], &told["updatedBy"], &told["onlineMembersCount"]),
        (&json!("Team of ours"), &json!("ann"), &json!(1))
    );
    at_bob.close().await;
    // The app hands it over by an update, a person by a call of its own.
    h.put("/groups/team", json!({"owner": "bob"})).await.ok();
    let told = ears.tell(&["group_updated", "group_member_scope_changed", "group_owner_transferred"]).await;
    let group = &told[2]["data"]["group"];
    assert_eq!(
        (&group["owner"], &group["oldOwner"], &group["updatedBy"]),
        (&json!("bob"), &json!("ann"), &json!("app_system"))
    );
    bob.patch("/groups/team/owner", json!({"owner": "ann"})).await.ok();
    let told = ears.hear(&["group_owner_transferred"]).await;
    assert_eq!((&told[0]["group"]["owner"], &told[0]["group"]["oldOwner"]), (&json!("ann"), &json!("bob")));
    ann.put("/groups/team/members/cy", json!({"scope": "moderator"})).await.ok();
    let told = ears.hear(&["group_member_scope_changed"]).await;
    let cy = &told[0]["members"]["cy"];
    assert_eq!((&cy["scope"], &cy["oldScope"]), (&json!("moderator"), &json!("participant")));

    // Many at once are told at once; who is refused is not told of.
    h.behalf("ann").post("/groups/team/members", json!({"participants": ["dee", "bob", "eli"]})).await.ok();
    let told = ears.hear(&["group_member_added"]).await;
    assert_eq!((members(&told[0]), &told[0]["by"]["uid"]), (vec!["dee"], &json!("ann")));
    // Whoever acts, the banned are those who are banned.
    h.behalf("ann").post("/groups/team/bannedusers/dee", json!({})).await.ok();
    let told = ears.hear(&["group_member_banned"]).await;
    assert_eq!((members(&told[0]), &told[0]["by"]["uid"]), (vec!["dee"], &json!("ann")));
    h.behalf("ann").delete("/groups/team/bannedusers/dee").await.ok();
    let told = ears.hear(&["group_member_unbanned"]).await;
    assert_eq!((members(&told[0]), &told[0]["by"]["uid"]), (vec!["dee"], &json!("ann")));
    h.delete("/groups/team/bannedusers/eli").await.ok();
    let told = ears.tell(&["group_member_unbanned"]).await;
    assert_eq!((members(&told[0]["data"]), &told[0]["data"]["by"]["uid"]), (vec!["eli"], &json!("app_system")));
    let eli = h.log_in("eli").await;
    eli.post("/groups/team/members", json!({})).await.ok();
    let told = ears.hear(&["group_member_joined"]).await;
    assert_eq!((members(&told[0]), told[0].get("by")), (vec!["eli"], None));
    eli.delete("/groups/team/members").await.ok();
    let told = ears.hear(&["group_member_left"]).await;
    assert_eq!((members(&told[0]), &told[0]["group"]["membersCount"]), (vec!["eli"], &json!(3)));
    ann.delete("/groups/team/members/bob").await.ok();
    // Nobody waits for bob to read what was said.
    let by_all = ["message_delivered_to_all", "message_read_by_all"];
    let told = ears.hear(&[&by_all[..], &["group_member_kicked", "group_member_removed"]].concat()).await;
    assert_eq!((members(&told[2]), &told[2]), (vec!["bob"], &told[3]));
    bob.post("/groups/team/members", json!({})).await.ok();
    ears.hear(&["group_member_joined"]).await;

    // An owner who is deleted leaves without a word, but somebody else rules the group, by the server itself.
    h.delete("/users/ann").await.ok();
    let told = ears.tell(&["group_member_scope_changed", "group_owner_transferred"]).await;
    assert_eq!(members(&told[0]["data"]), ["cy"]);
    assert_eq!(told[1]["data"]["group"]["owner"], "cy");
    h.log_in("cy").await.delete("/groups/team").await.ok();
    let told = ears.hear(&["group_deleted"]).await;
    assert_eq!((&told[0]["group"]["guid"], &told[0]["group"]["updatedBy"]), (&json!("team"), &json!("cy")));
    // A group of the app has nobody in it.
    h.post("/groups", json!({"guid": "apps", "name": "Apps", "type": "private"})).await.ok();
    assert_eq!(ears.tell(&["group_created"]).await[0]["data"]["members"], json!({}));
    ears.all_fired(TRIGGERS);
}
