//! What clients ask over the socket: heartbeat, receipts, typing, transient messages.
//!
//! There is no answer and no error on this side of the contract: what may not be done is passed over in silence.

use std::sync::Arc;

use bytestring::ByteString;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::conn::Subscription;
use super::frame;
use super::hub::Hub;
use crate::actions::sockets::Identity;
use crate::actions::{conversations, messages as send, receipts};
use crate::model::answer::About;
use crate::model::caller::Caller;
use crate::model::error::{Code, Result};
use crate::model::event::{Audience, Body, Client, Event};
use crate::model::ids::parse_message_id;
use crate::model::json;
use crate::model::limits::Limits;
use crate::model::message::{Receiver, ReceiverType};
use crate::model::permission::Act;
use crate::model::role::{Contact, Role};
use crate::store::receipts::Kind;
use crate::store::{Store, groups, roles, users};

/// A frame from a client; unknown fields are many and mean nothing here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Command<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a str>,
    action: Option<&'a str>,
    app_id: Option<String>,
    device_id: Option<String>,
    receiver: Option<String>,
    receiver_type: Option<String>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

/// The body of an auth frame.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthBody {
    auth: String,
    presence_subscription: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    /// What it says of itself, and whatever else.
    #[serde(default)]
    params: serde_json::Value,
}

/// Longest platform and user agent that are kept, in characters.
const PLATFORM: usize = 50;
const USER_AGENT: usize = 256;

/// What an auth frame asks for.
pub struct AuthAsk {
    pub app_id: String,
    pub device: String,
    pub jwt: String,
    pub subscription: Subscription,
    /// Without a time.
    pub client: Client,
}

impl<'a> Command<'a> {
    /// `None`: not a JSON object, or one that others could not read.
    pub fn parse(text: &'a str, limits: &Limits) -> Option<Self> {
        json::check(text.as_bytes(), limits).ok()?;
        serde_json::from_str(text).ok()
    }

    pub fn is_ping(&self) -> bool {
        self.action == Some("ping")
    }

    pub fn auth(&self) -> Option<AuthAsk> {
        let body: AuthBody = serde_json::from_str(self.body.filter(|_| self.kind == Some("auth"))?.get()).ok()?;
        let subscription = match body.presence_subscription.as_deref() {
            Some("ALL_USERS") => Subscription::AllUsers,
            Some("FRIENDS") => Subscription::Friends,
            Some("ROLES") => Subscription::Roles(body.roles),
            _ => Subscription::Nobody,
        };
        let said = |name: &str, most: usize| {
            let text = body.params[name].as_str().filter(|text| !text.is_empty())?;
            Some(text.chars().take(most).collect::<String>().into())
        };
        let (platform, user_agent) = (said("platform", PLATFORM), said("userAgent", USER_AGENT));
        Some(AuthAsk {
            client: Client { platform, user_agent, connected_at: 0 },
            app_id: self.app_id.clone().unwrap_or_default(),
            device: self.device_id.clone().unwrap_or_default(),
            jwt: body.auth,
            subscription,
        })
    }
}

/// Everything a command needs.
#[derive(Clone)]
pub struct Context {
    pub store: Store,
    pub hub: Hub,
    pub limits: Arc<Limits>,
}

/// Does what an authenticated client asks. `Some`: a frame to answer with.
pub async fn obey(
    context: &Context,
    identity: &Identity,
    device: &Arc<str>,
    command: Command<'_>,
) -> Option<ByteString> {
    if command.is_ping() {
        return Some(frame::PONG);
    }
    let device = match &command.device_id {
        Some(own) if !own.is_empty() => Arc::from(own.as_str()),
        _ => device.clone(),
    };
    let caller = Caller {
        app: identity.app.clone(),
        user: identity.user,
        uid: identity.uid.clone(),
        person: true,
        // Filled in where it is asked: a socket lives longer than rules do.
        role: Role::free(),
        token: Some(identity.token),
        device,
        answer: None,
    };
    let receiver = Receiver::parse(command.receiver_type.as_deref(), command.receiver.as_deref()).ok()?;
    let body = command.body?.get().to_owned();
    let outcome = match command.kind {
        Some("receipts") => receipt(context, caller, receiver, &body).await,
        Some("typing_indicator") if is_typing(&body) => {
            relay(context, caller, receiver, "typing_indicator", body).await
        }
        Some("transient_message") => relay(context, caller, receiver, "transient_message", body).await,
        _ => Ok(()),
    };
    if let Err(error) = outcome {
        log::debug!("socket command passed over: {error}");
    }
    None
}

/// Started or ended: clients drop anything else, so it is not carried to them.
fn is_typing(body: &str) -> bool {
    #[derive(Deserialize)]
    struct Body<'a> {
        action: &'a str,
    }
    serde_json::from_str::<Body<'_>>(body).is_ok_and(|body| matches!(body.action, "started" | "ended"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptBody {
    action: String,
    message_id: serde_json::Value,
}

async fn receipt(context: &Context, caller: Caller, receiver: Receiver, body: &str) -> Result<()> {
    let body: ReceiptBody = serde_json::from_str(body).map_err(|_| Code::BadRequest)?;
    let kind = match body.action.as_str() {
        "delivered" => Kind::Delivered,
        "read" => Kind::Read,
        _ => return Err(Code::BadRequest.into()),
    };
    let id = parse_message_id(body.message_id.as_str().unwrap_or(&body.message_id.to_string()))?;
    context
        .store
        .write("socket.receipt", move |tx| {
            let copy = conversations::copy(tx, &caller, &receiver)?;
            receipts::mark(tx, &caller, &copy, kind, Some(id))
        })
        .await
}

/// Passes something on that is not stored, if a message could be sent the same way.
async fn relay(context: &Context, caller: Caller, receiver: Receiver, kind: &'static str, body: String) -> Result<()> {
    let mut asked = caller.clone();
    let (audience, name, receiver_type, me) = context
        .store
        .shared_by(caller.user)
        .read(move |read| {
            let me = users::by_id(read, asked.user)?.entity();
            asked.role = Arc::new(roles::rules(read, asked.app.id, &me.role)?);
            asked.role.may_write()?;
            Ok(match &receiver {
                Receiver::User(uid) => {
                    let peer = send::reachable(read, &asked, &me, uid, Contact::Message)?;
                    (Audience::users([peer.id]), peer.uid, ReceiverType::User, me)
                }
                Receiver::Group(guid) => {
                    let group = groups::by_guid(read, asked.app.id, guid)?;
                    crate::actions::groups::permit(read, &asked, &group, Act::Send)?;
                    (Audience::group(group.id).except(asked.user), group.guid, ReceiverType::Group, me)
                }
            })
        })
        .await?;
    if audience.group.is_some_and(|group| context.hub.online_in_group(group) > context.limits.typing_members) {
        return Ok(());
    }
    // The sender's own description is replaced by what is known of him; the rest passes as it came.
    let mut object = json::Object::parse(&body).ok_or(Code::BadRequest)?;
    object.set("user", json::to_raw(&me));
    let event = Event {
        app_id: caller.app.app_id.clone(),
        kind,
        sender: caller.uid.clone(),
        receiver: name.into(),
        receiver_type,
        device: caller.device.clone(),
        by: caller.origin(),
        answer: None,
        about: About::default(),
        message_sender: None,
        body: Body::Json(object.text().into()),
    };
    context.hub.tell(&audience.ephemeral(), &event);
    Ok(())
}
