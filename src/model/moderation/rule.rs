//! Rules: what is looked for in messages, of whom, and what is done where it is found.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::ask::Asked;
use super::list::{self, is_id};
use crate::model::error::{Error, Result};
use crate::model::user::check_length;

/// Characters of an id and of a name; of a description; conditions and filters of a rule (contract).
pub const MOST_ID: usize = 100;
pub const MOST_DESCRIPTION: usize = 255;
const MOST_PARTS: usize = 10;
/// Words or patterns that a condition holds itself; more go into a list.
const MOST_VALUES: usize = 100;

/// What is done where a rule applies. The contract writes out the first two; the others follow them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RuleAction)]
pub enum Action {
    /// It is not delivered: only its sender and the app see it.
    BlockMessage,
    /// The same by its other name.
    DropMessage,
    /// It is delivered and waits for a review.
    FlagMessage,
    /// Its sender is banned from the group.
    BanUser,
    /// Its sender is removed from the group.
    KickUser,
    /// Its sender is deactivated in the app.
    BlockUser,
}

impl Action {
    pub fn blocks(self) -> bool {
        matches!(self, Action::BlockMessage | Action::DropMessage)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RuleSide)]
pub enum Side {
    Sender,
    Receiver,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RuleEntity)]
pub enum Entity {
    User,
    Group,
}

/// What of a person or a group a filter looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RuleFilterOperand)]
pub enum FilterOperand {
    Uid,
    Guid,
    Name,
    Role,
    Type,
    Tags,
    CreatedAt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RuleFilterOperator)]
pub enum FilterOperator {
    Equals,
    NotEquals,
    In,
    NotIn,
    StartsWith,
    EndsWith,
    LessThan,
    GreaterThan,
}

/// Whose messages a rule is about; all filters of a rule must fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RuleFilter)]
pub struct Filter {
    pub entity: Entity,
    #[serde(rename = "type")]
    pub side: Side,
    pub operand: FilterOperand,
    pub operator: FilterOperator,
    /// One, or several for `in` and `notIn`; in a text they are parted by commas.
    #[serde(deserialize_with = "one_or_more")]
    #[schema(value_type = Vec<String>)]
    pub value: Vec<String>,
}

/// What of a message is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RuleOperand)]
pub enum Operand {
    /// The text, and the caption of a file.
    Text,
    /// What a custom message carries.
    Custom,
    /// A message with an image, a video, a sound or another file: only an engine looks into those.
    Image,
    Video,
    Audio,
    File,
}

impl Operand {
    pub fn as_str(self) -> &'static str {
        match self {
            Operand::Text => "text",
            Operand::Custom => "custom",
            Operand::Image => "image",
            Operand::Video => "video",
            Operand::Audio => "audio",
            Operand::File => "file",
        }
    }

    pub fn is_media(self) -> bool {
        !matches!(self, Operand::Text | Operand::Custom)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RuleOperator)]
pub enum Operator {
    Contains,
    /// All of it.
    Equals,
}

/// How what is looked for is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = RuleCategory)]
pub enum Category {
    /// Words, by whatever case and accents.
    Word,
    /// Regular expressions.
    Pattern,
    /// An engine outside is asked.
    CustomApi,
}

impl Category {
    pub fn as_str(self) -> &'static str {
        match self {
            Category::Word => "word",
            Category::Pattern => "pattern",
            Category::CustomApi => "custom-api",
        }
    }

    /// The category of this name that this server has.
    pub fn parse(name: &str) -> Option<Self> {
        [Category::Word, Category::Pattern, Category::CustomApi].into_iter().find(|one| one.as_str() == name)
    }
}

/// What is looked for; a rule applies where one of its conditions is met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RuleCondition)]
pub struct Condition {
    /// From 1 on; given where it is left out.
    #[serde(default)]
    pub id: i64,
    /// Always `message`.
    #[serde(default = "message")]
    pub entity: String,
    pub operand: Operand,
    #[serde(default = "contains")]
    pub operator: Operator,
    pub category: Category,
    /// Whether the values are ids of lists. Requests write it in several ways.
    #[serde(default, alias = "isKeywordReferencePresent", alias = "isListReferencePresent")]
    pub is_keywords_reference_present: bool,
    #[serde(default)]
    pub is_media_present: bool,
    /// Words or patterns, or ids of lists.
    #[serde(deserialize_with = "one_or_more")]
    #[schema(value_type = Vec<String>)]
    pub value: Vec<String>,
    /// For people, one for each value.
    #[serde(default, deserialize_with = "one_or_more", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub message: Vec<String>,
}

fn message() -> String {
    "message".to_owned()
}

fn contains() -> Operator {
    Operator::Contains
}

/// A text or a list of them, where clients send either.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub enum OneOrMore {
    One(String),
    More(Vec<String>),
}

fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match OneOrMore::deserialize(deserializer)? {
        OneOrMore::One(one) => vec![one],
        OneOrMore::More(more) => more,
    })
}

/// A rule that may be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub description: String,
    pub enabled: bool,
    pub action: Vec<Action>,
    #[serde(default)]
    pub filters: Vec<Filter>,
    pub conditions: Vec<Condition>,
}

impl Rule {
    /// Whether it may be kept, and every part of it is one that can be applied. What lists it names is looked at elsewhere.
    pub fn check(&mut self) -> Result<()> {
        is_id(&self.id)?;
        if self.name.trim().is_empty() {
            return Err(Error::field("name", "The name field is required."));
        }
        check_length("name", &self.name, MOST_ID)?;
        check_length("description", &self.description, MOST_DESCRIPTION)?;
        if self.action.is_empty() {
            self.action.push(Action::BlockMessage);
        }
        self.action.dedup();
        for (field, many) in
            [("conditions", self.conditions.len()), ("filters", self.filters.len()), ("action", self.action.len())]
        {
            if many > MOST_PARTS {
                return Err(Error::field(field, format!("The {field} may be {MOST_PARTS} at most.")));
            }
        }
        if self.conditions.is_empty() {
            return Err(Error::field("conditions", "The conditions field is required."));
        }
        self.filters.iter().try_for_each(Filter::check)?;
        for (at, condition) in self.conditions.iter_mut().enumerate() {
            condition.id = at as i64 + 1;
            condition.check()?;
        }
        Ok(())
    }
}

impl Filter {
    fn check(&self) -> Result<()> {
        use FilterOperand as On;
        use FilterOperator as By;
        let known = match self.entity {
            Entity::User => matches!(self.operand, On::Uid | On::Name | On::Role | On::Tags | On::CreatedAt),
            Entity::Group => matches!(self.operand, On::Guid | On::Name | On::Type | On::Tags | On::CreatedAt),
        };
        if !known || (self.entity == Entity::Group && self.side == Side::Sender) {
            return Err(Error::field("filters", "A filter looks at what its entity has; groups do not send."));
        }
        let by_time = matches!(self.operator, By::LessThan | By::GreaterThan);
        if by_time != (self.operand == On::CreatedAt) {
            let sentence = "The operators lessThan and greaterThan are for createdAt, and createdAt for them.";
            return Err(Error::field("filters", sentence));
        }
        if self.values().next().is_none() || (by_time && self.time().is_none()) {
            return Err(Error::field("filters", "The value of a filter is required; of createdAt it is Unix seconds."));
        }
        Ok(())
    }

    /// What is compared with.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        // A name may hold a comma, so only lists are parted.
        let parted = matches!(self.operator, FilterOperator::In | FilterOperator::NotIn);
        let ends = move |c: char| parted && c == ',';
        self.value.iter().flat_map(move |value| value.split(ends)).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The time that is compared with.
    pub fn time(&self) -> Option<i64> {
        self.value.first()?.trim().parse().ok().map(crate::model::time::seconds)
    }
}

impl Condition {
    /// Ids of the lists that it refers to.
    pub fn lists(&self) -> impl Iterator<Item = String> {
        let values = if self.is_keywords_reference_present { self.value.as_slice() } else { &[] };
        let asks = self.category == Category::CustomApi;
        values.iter().filter_map(move |value| match asks {
            true => Asked::parse(value).map(|asked| asked.list),
            false => Some(value.clone()),
        })
    }

    fn check(&mut self) -> Result<()> {
        let wrong = |sentence: &str| Err(Error::field("conditions", sentence.to_owned()));
        if self.entity != "message" {
            return wrong("The entity of a condition is message.");
        }
        let asks = self.category == Category::CustomApi;
        if !asks && (self.is_media_present || self.operand.is_media()) {
            return wrong(
                "Nothing on this server looks into media: only the category custom-api may be asked about them.",
            );
        }
        if self.value.is_empty() || self.value.len() > MOST_VALUES || self.value.iter().any(|one| one.trim().is_empty())
        {
            return wrong("The value of a condition is 1 to 100 words or patterns, or ids of lists.");
        }
        if asks {
            // It is always by a list that an engine is named.
            (self.is_keywords_reference_present, self.is_media_present) = (true, self.operand.is_media());
            return match self.value.len() <= MOST_PARTS && self.value.iter().all(|one| Asked::parse(one).is_some()) {
                true => Ok(()),
                false => wrong("The value of a custom-api condition is 1 to 10 of <list>_greaterThan_<percent>."),
            };
        }
        match self.is_keywords_reference_present {
            true => Ok(()),
            false => list::check_terms("conditions", self.category, &self.value),
        }
    }
}
