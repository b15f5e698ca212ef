//! Everything that can be refused, as one table: contract code, HTTP status, sentence.
//!
//! Clients act on the code; the status follows the contract's advice and the sentence is for people. Internal
//! failures are logged where they happen and reach the client only as `ERR_EXCEPTION`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($name:ident $code:literal $status:literal $text:literal)*) => {
        /// A code of the contract's error table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($name),* }

        impl Code {
            /// Every code, for tests and for the API description.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The stable text clients compare.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code),* }
            }

            /// The HTTP status sent with it.
            pub fn status(self) -> u16 {
                match self { $(Code::$name => $status),* }
            }

            /// Whether the server is at fault, not the one who asks. Such an answer says nothing about credentials or
            /// about what was asked for, and the same request may succeed later.
            pub fn is_fault(self) -> bool {
                self.status() >= 500
            }

            fn text(self) -> &'static str {
                match self { $(Code::$name => $text),* }
            }
        }
    };
}

codes! {
    InvalidAppId "AUTH_ERR_INVALID_APPID" 401 "The app id is unknown or does not belong to these credentials."
    EmptyApiKey "AUTH_ERR_EMPTY_APIKEY" 401 "The apikey header is missing."
    ApiKeyUnknown "AUTH_ERR_APIKEY_NOT_FOUND" 401 "The API key is not valid."
    NoAccess "AUTH_ERR_NO_ACCESS" 403 "These credentials do not allow this operation."
    EmptyAuthToken "AUTH_ERR_EMPTY_AUTH_TOKEN" 401 "The authToken header is missing."
    AuthTokenUnknown "AUTH_ERR_AUTH_TOKEN_NOT_FOUND" 401 "The auth token is not valid any more."
    EmptyAuthHeader "AUTH_ERR_EMPTY_AUTH_HEADER" 401 "The credentials of the management API are missing."
    ApiKeyNotFound "ERR_APIKEY_NOT_FOUND" 404 "There is no such API key."
    ApiKeySelf "ERR_APIKEY_NO_SELF_ACTION" 403 "An API key cannot change or delete itself."
    TokenNotFound "ERR_AUTH_TOKEN_NOT_FOUND" 404 "There is no such auth token."
    TokenNotAccessible "ERR_AUTHTOKEN_NOT_ACCESSIBLE" 403 "The auth token belongs to another user."
    QuotaRestriction "ERR_PLAN_QUOTA_RESTRICTION" 403 "A limit has been reached."
    ExtensionNotFound "ERR_EXTENSION_NOT_FOUND" 404 "There is no such extension."
    ExtensionInactive "ERR_EXTENSION_INACTIVE" 403 "The extension is switched off for this app."
    PollNotFound "ERR_POLL_NOT_FOUND" 404 "There is no such poll."
    StickerNotFound "ERR_STICKER_NOT_FOUND" 404 "There is no such sticker."
    ReminderNotFound "ERR_REMINDER_NOT_FOUND" 404 "There is no such reminder."
    TranslationUnsupported "ERR_NOT_SUPPORTED" 400 "The language of the text is not supported."
    TranslationFailed "ERR_TRANSLATION_FAILED" 503 "The service that translates does not answer; try again."
    FeatureNotAccessible "ERR_FEATURE_NOT_ACCESSIBLE" 403 "This feature is not available on this server."
    PermissionDenied "ERR_PERMISSION_DENIED" 403 "You are not permitted to do this."
    PushTokenNotFound "ERR_TOKEN_NOT_FOUND" 404 "There is no such push token."
    RoleNotFound "ERR_ROLE_NOT_FOUND" 404 "There is no such role."
    RoleExists "ERR_ROLE_ALREADY_EXISTS" 409 "The role exists already."
    RoleDeleteDenied "ERR_ROLE_DELETE_DENIED" 403 "The default role cannot be deleted."
    UidNotFound "ERR_UID_NOT_FOUND" 404 "There is no such user."
    UidExists "ERR_UID_ALREADY_EXISTS" 400 "A user with this uid already exists."
    BotExists "ERR_BOT_ALREADY_EXISTS" 409 "The user is a bot already."
    BotNotFound "ERR_BOT_NOT_FOUND" 404 "There is no such bot."
    GuidNotFound "ERR_GUID_NOT_FOUND" 404 "There is no such group."
    GuidExists "ERR_GUID_ALREADY_EXISTS" 409 "The guid is taken."
    EmptyGroupPass "ERR_EMPTY_GROUP_PASS" 400 "This group needs a password."
    WrongGroupPass "ERR_WRONG_GROUP_PASS" 403 "The group password is wrong."
    NotAMember "ERR_NOT_A_MEMBER" 404 "The user is not a member of the group."
    GroupNotJoined "ERR_GROUP_NOT_JOINED" 403 "You are not a member of the group."
    AlreadyJoined "ERR_ALREADY_JOINED" 409 "The user is a member of the group already."
    JoinNotAllowed "ERR_GROUP_JOIN_NOT_ALLOWED" 403 "A private group cannot be joined; its members are added."
    NoVacancy "ERR_NO_VACANCY" 403 "The group is full."
    SameScope "ERR_SAME_SCOPE" 409 "The member has this scope already."
    AlreadyBanned "ERR_ALREADY_BANNED" 409 "The user is banned already."
    NotBanned "ERR_NOT_A_BANNED_USER" 404 "The user is not banned from the group."
    Banned "ERR_BANNED_GROUPMEMBER" 403 "The user is banned from the group."
    NoClearance "ERR_GROUP_NO_CLEARANCE" 403 "Your scope in the group does not allow this."
    NoAdminScope "ERR_GROUP_NO_ADMIN_SCOPE" 403 "Only an admin of the group may do this."
    NoModeratorScope "ERR_GROUP_NO_MODERATOR_SCOPE" 403 "Only an admin or moderator of the group may do this."
    NoScopeClearance "ERR_GROUP_NO_SCOPE_CLEARANCE" 403 "Your scope does not allow changing that member's scope."
    GroupSelf "ERR_GROUP_NO_SELF_ACTION" 403 "This cannot be done to oneself."
    EmptyReceiver "ERR_EMPTY_RECEIVER" 400 "The receiver is missing."
    InvalidReceiverType "ERR_INVALID_RECEIVER_TYPE" 400 "The receiverType must be user or group."
    InvalidCategory "ERR_INVALID_MESSAGE_CATEGORY" 400 "The message category is not one that can be sent."
    EmptyType "ERR_EMPTY_MESSAGE_TYPE" 400 "The message type is missing."
    InvalidType "ERR_INVALID_MESSAGE_TYPE" 400 "The message type does not belong to its category."
    InvalidData "ERR_INVALID_MESSAGE_DATA" 400 "The message is malformed."
    EmptyText "ERR_EMPTY_MESSAGE_TEXT" 400 "The text of the message is missing."
    InvalidText "ERR_INVALID_MESSAGE_TEXT" 400 "The text of the message must be a string."
    EmptyFile "ERR_EMPTY_MESSAGE_FILE" 400 "The message needs an attachment."
    InvalidMedia "ERR_INVALID_MEDIA_MESSAGE" 400 "The attachments of the message are malformed."
    FileType "ERR_FILE_TYPE_NOT_ALLOWED" 400 "Files of this type are not taken."
    FileNotFound "ERR_FILE_NOT_FOUND" 404 "There is no such file."
    UploadNotFound "ERR_UPLOAD_NOT_FOUND" 403 "This upload is not expected: its time is over, or it was made already."
    EmptyCustomData "ERR_EMPTY_CUSTOM_DATA" 400 "The customData of the message is missing."
    InvalidCustomData "ERR_INVALID_CUSTOM_DATA" 400 "The customData of the message must be an object."
    InvalidMetadata "ERR_INVALID_METADATA" 400 "The metadata must be an object."
    MessageNotFound "ERR_MESSAGE_ID_NOT_FOUND" 404 "There is no such message."
    MessageNoAccess "ERR_MESSAGE_NO_ACCESS" 403 "The message is in a conversation you have no part in."
    NotASender "ERR_MESSAGE_NOT_A_SENDER" 403 "Only the sender may change the message."
    MessageAction "ERR_MESSAGE_ACTION_NOT_ALLOWED" 403 "This cannot be done to such a message."
    WrongThread "ERR_WRONG_MESSAGE_THREAD" 400 "The parent message is in another conversation."
    ThreadCategory "ERR_WRONG_MESSAGE_THREAD_CATEGORY" 400 "Messages of this category have no threads."
    ThreadNesting "ERR_MESSAGE_THREAD_NESTING" 400 "A reply cannot be replied to in a thread of its own."
    ConversationNotFound "ERR_CONVERSATION_NOT_FOUND" 404 "There is no such conversation."
    ConversationNotAccessible "ERR_CONVERSATION_NOT_ACCESSIBLE" 404 "The conversation is not there or not yours."
    ConversationAmbiguous "ERR_CONVERSATION_AMBIGUOUS" 409 "The conversation id stands for several conversations."
    PinsLimit "ERR_PINNED_CONVERSATIONS_LIMIT_EXCEEDED" 400 "No more conversations can be pinned."
    AppPinsLimit "ERR_SYSTEM_PINNED_CONVERSATIONS_LIMIT_EXCEEDED" 400 "No more conversations can be pinned for all users."
    AppPinned "ERR_SYSTEM_PINNED_CONVERSATION" 403 "The conversation is pinned for all users."
    PinnedMessagesLimit "ERR_PINNED_MESSAGES_LIMIT_EXCEEDED" 400 "No more messages can be pinned in this conversation."
    SavedMessagesLimit "ERR_SAVED_MESSAGES_LIMIT_EXCEEDED" 400 "No more messages can be saved."
    ReasonNotFound "ERR_REASON_NOT_FOUND" 404 "There is no such reason."
    WebhookNotFound "ERR_WEBHOOK_NOT_FOUND" 404 "There is no such webhook."
    WebhookExists "ERR_WEBHOOK_ALREADY_EXISTS" 409 "The webhook exists already."
    DeliveryNotFound "ERR_DELIVERY_NOT_FOUND" 404 "There is no such delivery."
    TriggerNotFound "ERR_TRIGGER_NOT_FOUND" 404 "There is no such trigger."
    RuleNotFound "ERR_RULE_NOT_FOUND" 404 "There is no such rule."
    RuleExists "ERR_RULE_ALREADY_EXISTS" 409 "The rule exists already."
    KeywordsNotFound "ERR_KEYWORD_NOT_FOUND" 404 "There is no such list."
    KeywordsExists "ERR_KEYWORD_ALREADY_EXISTS" 409 "The list exists already."
    ReasonExists "ERR_REASON_ALREADY_EXISTS" 409 "The reason exists already."
    AlreadyFriend "ERR_ALREADY_FRIEND" 409 "They are friends already."
    NotAFriend "ERR_NOT_A_FRIEND" 404 "They are not friends."
    SelfRelation "ERR_CANNOT_FORM_SELF_RELATION" 400 "Nobody can be a friend of himself."
    BlockSelf "ERR_CANNOT_BLOCK_SELF" 400 "Nobody can block himself."
    BlockedReceiver "ERR_BLOCKED_RECEIVER" 403 "You have blocked the receiver."
    BlockedSender "ERR_BLOCKED_SENDER" 403 "The receiver has blocked you."
    CallingSelf "ERR_CALLING_SELF" 400 "Nobody can call himself."
    CallBusySelf "ERR_CALL_BUSY_SELF" 409 "You are in a call already."
    CallBusyUser "ERR_CALL_BUSY_USER" 409 "The user is in another call."
    CallBusyGroup "ERR_CALL_BUSY_GROUP" 409 "The group has a call already."
    CallNotFound "ERR_CALL_SESSION_NOT_FOUND" 404 "There is no such call."
    CallTerminated "ERR_CALL_TERMINATED" 409 "The call is over."
    CallInvalidInit "ERR_CALL_INVALID_INIT" 409 "A call cannot go back to initiated."
    CallUserJoined "ERR_CALL_USER_ALREADY_JOINED" 409 "The call has been accepted already."
    CallGroupJoined "ERR_CALL_GROUP_ALREADY_JOINED" 409 "You have joined the call already."
    CallGroupLeft "ERR_CALL_GROUP_ALREADY_LEFT" 409 "You are not in the call."
    CallGroupStatus "ERR_CALL_GROUP_INVALID_STATUS" 400 "A group call does not know this status."
    CallOngoing "ERR_CALL_ONGOING_TO_INVALID" 409 "An ongoing call can only end."
    CallNotStarted "ERR_CALL_NOT_STARTED" 409 "A call that was not accepted cannot end."
    CallNotAPart "ERR_CALL_NOT_A_PART" 403 "You have no part in the call."
    ImportMuidExists "ERR_IMPORT_MUID_ALREADY_EXISTS" 409 "A message with this muid is there already."
    ImportUser "ERR_IMPORT_INVALID_USER_FORMAT" 400 "The user to import is malformed."
    ImportGroup "ERR_IMPORT_INVALID_GROUP_FORMAT" 400 "The group to import is malformed."
    ImportMember "ERR_IMPORT_INVALID_MEMBER_FORMAT" 400 "The member to import is malformed."
    ImportMessage "ERR_IMPORT_INVALID_MESSAGE_FORMAT" 400 "The message to import is malformed."
    ImportJoinedAt "ERR_IMPORT_INVALID_JOINEDAT" 400 "The joinedAt must lie between the making of the group and now."
    InvalidVersion "ERR_INVALID_API_VERSION" 404 "This version of the API is not served here."
    ApiNotFound "ERR_API_NOT_FOUND" 404 "There is nothing at this address, or not with this method."
    BadRequest "ERR_BAD_REQUEST" 400 "Failed to validate the data sent with the request."
    TooLarge "ERR_REQUEST_TOO_LARGE" 413 "The request is too large."
    TooManyRequests "ERR_TOO_MANY_REQUESTS" 429 "Too many requests."
    Busy "ERR_OPERATION_FAILED" 503 "The server is busy; try again."
    StorageFull "ERR_STORAGE_FULL" 507 "The disk of the server is full: nothing can be stored until there is room again."
    StorageFailed "ERR_STORAGE_FAILED" 503 "The disk of the server failed; it stops, and nothing was stored."
    ReadTimeout "ERR_READ_TIMEOUT" 503 "The answer takes too long: ask for less, with a smaller page, a narrower filter or a shorter list."
    Internal "ERR_EXCEPTION" 500 "Something went wrong on the server."
}

/// A refusal, ready to be put into the contract's envelope. What only few have is kept aside, so that the type stays
/// small in every `Result`.
#[derive(Clone, Debug)]
pub struct Error {
    pub code: Code,
    more: Option<Box<More>>,
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let codes = Code::ALL.iter().map(|code| code.as_str());
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes)).into()
    }
}

impl ToSchema for Code {
    fn name() -> Cow<'static, str> {
        "ErrorCode".into()
    }
}

/// Why something was refused.
// What `Error::body` gives, for the API description.
#[allow(dead_code)]
#[derive(ToSchema)]
#[schema(as = Error, rename_all = "camelCase")]
pub struct Shown {
    code: Code,
    /// For people.
    message: String,
    dev_message: String,
    source: String,
    /// Of a field that was wrong: what is wrong with it, by its name.
    details: Option<BTreeMap<String, Vec<String>>>,
    /// Values beside the sentence, such as the limit that was hit.
    #[schema(value_type = Option<Object>)]
    params: Option<Value>,
}

#[derive(Clone, Debug, Default)]
struct More {
    message: Option<String>,
    details: Option<Value>,
    params: Option<Value>,
    /// What happened, for who runs the server.
    cause: Option<String>,
    /// Seconds after which it may be tried again.
    retry_after: Option<i64>,
}

impl Error {
    /// The code with a sentence of its own, naming what was refused.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error { code, more: Some(Box::new(More { message: Some(message.into()), ..More::default() })) }
    }

    /// A validation failure of one field.
    pub fn field(name: &str, sentence: impl Into<String>) -> Self {
        let mut details = Map::new();
        details.insert(name.to_owned(), json!([sentence.into()]));
        let more = More { details: Some(Value::Object(details)), ..More::default() };
        Error { code: Code::BadRequest, more: Some(Box::new(more)) }
    }

    /// There are as many as there may be: the number of `what` has reached `limit`.
    pub fn over(code: Code, what: &str, limit: impl Into<Value>) -> Self {
        let limit = limit.into();
        let sentence = format!("The number of {what} has reached the allowed limit of {limit}.");
        Error::new(code, sentence).with_params(json!({ "limit": limit }))
    }

    /// Machine-readable values beside the sentence, e.g. the cap that was hit.
    pub fn with_params(mut self, params: Value) -> Self {
        self.more.get_or_insert_default().params = Some(params);
        self
    }

    /// Says when to try again: after so many seconds.
    pub fn after(mut self, seconds: i64) -> Self {
        self.more.get_or_insert_default().retry_after = Some(seconds);
        self
    }

    /// Seconds after which it may be tried again, where that is known.
    pub fn retry_after(&self) -> Option<i64> {
        self.more.as_ref().and_then(|more| more.retry_after)
    }

    /// The same under another code.
    pub fn under(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// A failure of the server itself. The cause goes to the log, once, and never to the client.
    pub fn internal(what: &str, cause: impl std::fmt::Display) -> Self {
        Error::fault(Code::Internal, what, cause)
    }

    /// A failure of the server itself with a code of its own. The cause goes to the log, once, and never to the client.
    pub fn fault(code: Code, what: &str, cause: impl std::fmt::Display) -> Self {
        let cause = format!("{what}: {cause}");
        log::error!("{cause}");
        Error { code, more: Some(Box::new(More { cause: Some(cause), ..More::default() })) }
    }

    /// For who runs the server and reads a terminal: the cause if there is one, else the sentences a client would get.
    pub fn plain(&self) -> String {
        if let Some(cause) = self.more.as_ref().and_then(|more| more.cause.clone()) {
            return cause;
        }
        let sentences = self.sentences().collect::<Vec<_>>().join(" ");
        if sentences.is_empty() { self.message().to_owned() } else { sentences }
    }

    /// What is wrong with single fields.
    fn sentences(&self) -> impl Iterator<Item = &str> {
        let details = self.more.as_ref().and_then(|more| more.details.as_ref()).and_then(Value::as_object);
        let sentences = details.into_iter().flat_map(|fields| fields.values()).filter_map(Value::as_array).flatten();
        sentences.filter_map(Value::as_str)
    }

    pub fn message(&self) -> &str {
        self.more.as_ref().and_then(|more| more.message.as_deref()).unwrap_or(self.code.text())
    }

    /// The object under `error` in replies and in per-item results.
    pub fn body(&self) -> Value {
        let mut body = json!({
            "message": self.message(),
            "devMessage": self.message(),
            "source": "chat-api",
            "code": self.code.as_str(),
        });
        if let Some(more) = &self.more {
            for (key, value) in [("details", &more.details), ("params", &more.params)] {
                if let Some(value) = value {
                    body[key] = value.clone();
                }
            }
        }
        body
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Error { code, more: None }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message())?;
        // In a log the general sentence alone would not say what is wrong.
        self.sentences().try_for_each(|sentence| write!(f, " {sentence}"))
    }
}

impl std::error::Error for Error {}

impl Serialize for Error {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.body().serialize(serializer)
    }
}
