//! That the town can fail: what a server with a fault would do is done to a sound one, behind its back, and the law that it
//! breaks is the one that is meant to see it.

use std::future::Future;
use std::pin::Pin;

use hobnob::model::event::Move;

use super::acts::{Act, To};
use super::model::{GroupKind, Kind, Scope, Step};
use super::play::Play;
use super::world::World;
use super::{folder, look};

const OWNER: usize = 0;
const GUEST: usize = 1;
const OTHER: usize = 2;
const TEAM: usize = 0;

fn send(who: usize, to: To) -> Act {
    Act::Send { who, to, kind: Kind::Text, word: 0, mention: None, parent: None, quoted: None }
}

/// Three people in a group, one of them with a socket; each has said something.
fn scene() -> Vec<Act> {
    let mut acts: Vec<Act> = [OWNER, GUEST, OTHER].map(|who| Act::CreateUser { who }).into();
    acts.push(Act::LogIn { who: GUEST });
    acts.push(Act::Connect { login: 3, presence: false });
    acts.push(Act::CreateGroup { g: TEAM, owner: OWNER, kind: GroupKind::Public });
    acts.extend([GUEST, OTHER].map(|whom| Act::Add { g: TEAM, who: OWNER, whom, scope: Scope::Participant }));
    acts.extend([OWNER, GUEST, OTHER].map(|who| send(who, To::Group(TEAM))));
    acts.push(send(OTHER, To::User(GUEST)));
    acts
}

type Deed = for<'a> fn(&'a World) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// The law that breaks when this is done after the scene and `before`, and `after` follows.
fn caught(before: &[Act], deed: Deed, after: &[Act]) -> Option<&'static str> {
    actix_web::rt::System::new().block_on(async {
        let mut play = Play::new(World::new(&folder()).await);
        let mut step: Step = 0;
        for act in scene().iter().chain(before) {
            play.perform(step, act).await.expect("nothing is wrong yet");
            step += 1;
        }
        look(&mut play, 0..3, 0).await.expect("nothing is wrong yet");
        deed(&play.world).await;
        for act in after {
            if let Err(breach) = play.perform(step, act).await {
                return Some(breach.law);
            }
            step += 1;
        }
        look(&mut play, 0..3, 0).await.err().map(|breach| breach.law)
    })
}

fn sql(world: &World, sql: &'static str) -> Pin<Box<dyn Future<Output = ()>>> {
    world.tamper(sql);
    Box::pin(async {})
}

#[test]
fn what_a_faulty_server_does_is_seen() {
    let (team, hears) = (To::Group(TEAM), "everybody hears what they see, in order");
    let sees = "everybody sees what is theirs to see";
    let kick = [Act::Kick { g: TEAM, who: OWNER, whom: GUEST }];
    let hide = [Act::Hide { who: GUEST, to: team }];
    let edit = Act::Edit { who: OWNER, message: 8, word: 1 };
    let nothing: Deed = |_| Box::pin(async {});
    assert_eq!(caught(&[hide[0].clone(), edit.clone()], nothing, &[send(OWNER, team)]), None);
    // As if the kick had not left the hub.
    let stays: Deed = |world| {
        Box::pin(async {
            let (group, user) = world.ids("g0", "u01").await;
            world.forge(Move::Join { group, user });
        })
    };
    assert_eq!(caught(&kick, stays, &[send(OWNER, team)]), Some(hears));
    assert_eq!(caught(&kick, stays, &[]), Some("the hub's index is the members online"));
    // As if a member had not been told of to the hub.
    let lost: Deed = |world| {
        Box::pin(async {
            let (group, user) = world.ids("g0", "u01").await;
            world.forge(Move::Leave { group, user });
        })
    };
    assert_eq!(caught(&[], lost, &[send(OWNER, team)]), Some(hears));
    // As if what one hides were still shown, and told of.
    let shown: Deed = |world| sql(world, "UPDATE participants SET hidden_id = 0");
    assert_eq!(caught(&hide, shown, &[]), Some(sees));
    assert_eq!(caught(&hide, shown, &[edit]), Some(hears));
    // As if a crash had taken something that was acknowledged.
    let forgotten: Deed = |world| sql(world, "DELETE FROM messages WHERE id = (SELECT max(id) FROM messages)");
    assert_eq!(caught(&[], forgotten, &[Act::Crash { who: OWNER }]), Some(sees));
    // Counters that went their own way.
    let counts: Deed = |world| sql(world, "UPDATE groups SET members_count = members_count + 1");
    assert_eq!(caught(&[], counts, &[]), Some("counts equal lists"));
    let unread: Deed = |world| sql(world, "UPDATE participants SET read_total = read_total + 1");
    assert_eq!(caught(&[], unread, &[]), Some("conversations, unread counts and last messages are right"));
    // A block that was not written, and one that the hub does not know.
    let block = [Act::Block { who: GUEST, whom: OTHER }];
    let open: Deed = |world| sql(world, "DELETE FROM blocks");
    assert_eq!(caught(&block, open, &[send(OTHER, To::User(GUEST))]), Some("what may not be done is refused"));
    let deaf: Deed = |world| {
        Box::pin(async {
            let (_, a) = world.ids("g0", "u01").await;
            let (_, b) = world.ids("g0", "u02").await;
            world.forge(Move::Blocked { a, b, on: false });
        })
    };
    let delete = Act::Delete { who: OTHER, message: 11, permanent: false };
    assert_eq!(caught(&block, deaf, &[delete]), Some(hears));
    assert_eq!(
        caught(&block, open, &[Act::Edit { who: OTHER, message: 11, word: 1 }]),
        Some("what may not be done is refused")
    );
    // A call that outlived a block.
    let call = [Act::Call { who: OTHER, peer: GUEST }, block[0].clone()];
    let rings: Deed = |world| sql(world, "UPDATE calls SET status = 'initiated', ended_at = NULL");
    assert_eq!(caught(&call, nothing, &[]), None);
    assert_eq!(caught(&call, rings, &[]), Some("a call is as it was told"));
    // The last message of a group as it was before its sender was erased.
    let erased = [Act::DeleteUser { who: OTHER, permanent: true }, Act::Chores];
    let stale: Deed = |world| sql(world, "UPDATE conversations SET preview_id = 10 WHERE group_id IS NOT NULL");
    assert_eq!(caught(&erased, nothing, &[]), None);
    assert_eq!(caught(&erased, stale, &[]), Some("conversations, unread counts and last messages are right"));
    // Words that nobody wrote.
    let words: Deed = |world| sql(world, r#"UPDATE messages SET data = '{"text":"apple"}' WHERE category = 'message'"#);
    assert_eq!(caught(&[], words, &[]), Some(sees));
}
