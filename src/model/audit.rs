//! Administrative acts, as the audit log tells them.

use std::fmt;

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who may use the command line on the server's machine.
    Cli,
    /// The server by itself, by a setting.
    Server,
    /// An admin, by their name.
    Admin(String),
    /// A credential of the management API, by its name.
    Management(String),
    /// An API key (api_keys.id).
    Key(i64),
}

/// What was done. The words are for people and for scripts that filter by them: once used they stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    UserDelete,
    UserAnonymise,
    UserErase,
    /// Nothing is left of who was anonymised or erased.
    UserGone,
    KeyCreate,
    KeyUpdate,
    KeyRevoke,
    ManagementCreate,
    ManagementRevoke,
    AdminInvite,
    AdminWithdraw,
    AdminCreate,
    AdminPassword,
    AdminRole,
    AdminReset,
    AdminDelete,
    AdminLogIn,
    AdminLogOut,
    AdminSessionEnd,
    AdminTotpOn,
    AdminTotpOff,
    /// Somebody tries out passwords of theirs.
    AdminLocked,
    ConversationRead,
    GroupRead,
    ListRead,
    AppCreate,
    AppRename,
    AppDelete,
    BotCreate,
    BotRetire,
    RetentionSet,
    LimitsSet,
    RoleCreate,
    RoleUpdate,
    RoleDelete,
    WebhookCreate,
    WebhookUpdate,
    WebhookDelete,
    WebhookAddTriggers,
    WebhookRemoveTriggers,
    WebhookRotateSecret,
    WebhookReplay,
    WebhookTest,
    RuleCreate,
    RuleUpdate,
    RuleDelete,
    KeywordsCreate,
    KeywordsUpdate,
    KeywordsDelete,
    ModerationSettings,
    ReasonCreate,
    ReasonUpdate,
    ReasonDelete,
    TailRead,
    BackupCreate,
    BackupDownload,
    BackupRestore,
}

impl Act {
    /// `noun.verb`.
    pub fn as_str(self) -> &'static str {
        match self {
            Act::UserDelete => "user.delete",
            Act::UserAnonymise => "user.anonymise",
            Act::UserErase => "user.erase",
            Act::UserGone => "user.gone",
            Act::KeyCreate => "key.create",
            Act::KeyUpdate => "key.update",
            Act::KeyRevoke => "key.revoke",
            Act::ManagementCreate => "management-key.create",
            Act::ManagementRevoke => "management-key.revoke",
            Act::AdminInvite => "admin.invite",
            Act::AdminWithdraw => "admin.withdraw",
            Act::AdminCreate => "admin.create",
            Act::AdminPassword => "admin.password",
            Act::AdminRole => "admin.role",
            Act::AdminReset => "admin.reset",
            Act::AdminDelete => "admin.delete",
            Act::AdminLogIn => "admin.log-in",
            Act::AdminLogOut => "admin.log-out",
            Act::AdminSessionEnd => "admin.end-session",
            Act::AdminTotpOn => "admin.totp-on",
            Act::AdminTotpOff => "admin.totp-off",
            Act::AdminLocked => "admin.locked",
            Act::ConversationRead => "conversation.read",
            Act::GroupRead => "group.read",
            Act::ListRead => "list.read",
            Act::AppCreate => "app.create",
            Act::AppRename => "app.rename",
            Act::AppDelete => "app.delete",
            Act::BotCreate => "bot.create",
            Act::BotRetire => "bot.retire",
            Act::RetentionSet => "retention.set",
            Act::LimitsSet => "limits.set",
            Act::RoleCreate => "role.create",
            Act::RoleUpdate => "role.update",
            Act::RoleDelete => "role.delete",
            Act::WebhookCreate => "webhook.create",
            Act::WebhookUpdate => "webhook.update",
            Act::WebhookDelete => "webhook.delete",
            Act::WebhookAddTriggers => "webhook.add-triggers",
            Act::WebhookRemoveTriggers => "webhook.remove-triggers",
            Act::WebhookRotateSecret => "webhook.rotate-secret",
            Act::WebhookReplay => "webhook.replay",
            Act::WebhookTest => "webhook.test",
            Act::RuleCreate => "rule.create",
            Act::RuleUpdate => "rule.update",
            Act::RuleDelete => "rule.delete",
            Act::KeywordsCreate => "keywords.create",
            Act::KeywordsUpdate => "keywords.update",
            Act::KeywordsDelete => "keywords.delete",
            Act::ModerationSettings => "moderation.settings",
            Act::ReasonCreate => "reason.create",
            Act::ReasonUpdate => "reason.update",
            Act::ReasonDelete => "reason.delete",
            Act::TailRead => "tail.read",
            Act::BackupCreate => "backup.create",
            Act::BackupDownload => "backup.download",
            Act::BackupRestore => "backup.restore",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
