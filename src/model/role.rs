//! A role as its users feel it: what it switches off and whom it lets them see, write to and call.
//!
//! It rides along with the credential, so asking it costs no look-up. The role of the app itself refuses nothing.

use std::sync::{Arc, LazyLock};

use super::error::Result;
use super::feature::Features;
use super::group::GroupType;
use super::message::{Category, Content, ReceiverType};
use super::permission::Scope;
use super::policy::{Settings, denied};

/// The rules of one role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    pub id: String,
    /// Features switched off for logged-in users.
    pub restricted: Features,
    /// The role's own settings: see friends only, write to friends only.
    pub lists_friends: bool,
    pub writes_to_friends: bool,
    pub permissions: Settings,
}

/// Which way somebody is addressed; each has permissions of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    Message,
    Call,
}

impl Role {
    /// A role without any rule: that of the app, and of whoever has no role to ask.
    pub fn free() -> Arc<Role> {
        static FREE: LazyLock<Arc<Role>> = LazyLock::new(Arc::default);
        FREE.clone()
    }

    /// Refuses a call that belongs to a feature which is switched off.
    pub fn may_use(&self, features: Features) -> Result<()> {
        match self.restricted.common(features) {
            None => Ok(()),
            Some(feature) => Err(denied(feature.name(), &self.id, None)),
        }
    }

    fn switch(&self, id: &str) -> Result<()> {
        if self.permissions.is(id, "deny") { Err(denied(id, &self.id, None)) } else { Ok(()) }
    }

    fn has(&self, id: &str, word: &str) -> Result<()> {
        if self.permissions.has(id, word) { Ok(()) } else { Err(denied(id, &self.id, None)) }
    }

    pub fn may_list_users(&self) -> Result<()> {
        self.switch("listUsers")
    }

    pub fn lists_friends_only(&self) -> bool {
        self.lists_friends || self.permissions.is("listUsers.mode", "friends")
    }

    /// Roles whose users are listed; empty: all.
    pub fn listed_roles(&self) -> &[String] {
        self.permissions.words("listUsers.allowedRoles")
    }

    /// Whether details of a user of this role are shown. `friends` is asked only when it matters.
    pub fn may_see(&self, role: &str, friends: impl FnOnce() -> Result<bool>) -> Result<()> {
        if self.permissions.is("getUserDetails.mode", "friends") && !friends()? {
            return Err(denied("getUserDetails.mode", &self.id, None));
        }
        self.has("getUserDetails.allowedRoles", role)
    }

    /// Whether anything may be sent at all.
    pub fn may_write(&self) -> Result<()> {
        self.switch("sendMessage")
    }

    /// Whether such a message may be sent to such a receiver at all.
    pub fn may_send(&self, to: ReceiverType, content: &Content) -> Result<()> {
        if self.permissions.is_empty() {
            return Ok(());
        }
        self.may_write()?;
        self.has("sendMessage.allowedReceiverTypes", to.as_str())?;
        self.has("sendMessage.allowedMessageCategories", content.category.as_str())?;
        match content.category {
            Category::Message => self.has("sendMessage.allowedMessageTypes", &content.kind)?,
            Category::Custom => self.has("sendMessage.allowedCustomTypes", &content.kind)?,
            _ => {}
        }
        self.may_attach(content)
    }

    fn may_attach(&self, content: &Content) -> Result<()> {
        const ID: &str = "sendMessage.allowedMimeTypes";
        let allowed = self.permissions.words(ID);
        if allowed.is_empty() {
            return Ok(());
        }
        let fits = |mime: &str| {
            let mime = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            allowed.iter().any(|known| match known.strip_suffix("/*") {
                Some(family) => mime.split('/').next() == Some(family),
                None => *known == mime,
            })
        };
        // What does not say its type may be anything.
        match content.mime_types().iter().all(|mime| mime.as_deref().is_some_and(fits)) {
            true => Ok(()),
            false => Err(denied(ID, &self.id, None)),
        }
    }

    /// Whether a user of this role may be written to or called. `friends` is asked only when it matters.
    pub fn may_reach(&self, contact: Contact, role: &str, friends: impl FnOnce() -> Result<bool>) -> Result<()> {
        let (mode, roles) = match contact {
            Contact::Message => ("sendMessage.mode", "sendMessage.allowedReceiverRoles"),
            Contact::Call => ("initiateCall.mode", "initiateCall.allowedReceiverRoles"),
        };
        if (self.writes_to_friends || self.permissions.is(mode, "friends")) && !friends()? {
            return Err(denied(mode, &self.id, None));
        }
        self.has(roles, role)
    }

    /// Whether messages may be edited; `scope` is the caller's where they stand in a group.
    pub fn may_edit(&self, scope: Option<Scope>) -> Result<()> {
        self.may_change("editMessage", "editMessage.denyForScopes", scope)
    }

    pub fn may_delete(&self, scope: Option<Scope>) -> Result<()> {
        self.may_change("deleteMessage", "deleteMessage.denyForScopes", scope)
    }

    fn may_change(&self, id: &str, scopes: &str, scope: Option<Scope>) -> Result<()> {
        self.switch(id)?;
        match scope {
            Some(scope) if self.permissions.words(scopes).iter().any(|word| word == scope.as_str()) => {
                Err(denied(scopes, &self.id, None))
            }
            _ => Ok(()),
        }
    }

    pub fn may_call(&self) -> Result<()> {
        self.switch("initiateCall")
    }

    pub fn may_create_group(&self, kind: GroupType) -> Result<()> {
        self.switch("createGroup")?;
        self.has("createGroup.allowedGroupTypes", kind.as_str())
    }

    pub fn may_list_groups(&self) -> Result<()> {
        self.switch("listGroups")
    }

    /// Types of groups that are listed; empty: all.
    pub fn listed_groups(&self) -> &[String] {
        self.permissions.words("listGroups.allowedGroupTypes")
    }

    pub fn may_join(&self, kind: GroupType) -> Result<()> {
        self.switch("joinGroup")?;
        self.has("joinGroup.allowedGroupTypes", kind.as_str())
    }

    /// Categories of messages that are listed; empty: all.
    pub fn listed_categories(&self) -> &[String] {
        self.permissions.words("listMessages.allowedMessageCategories")
    }

    /// Types that messages of the category `message` are listed with; empty: all.
    pub fn listed_types(&self) -> &[String] {
        self.permissions.words("listMessages.allowedMessageTypes")
    }
}
