//! Translations of messages: `v2/translate`. Nothing of them is kept.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::word;
use crate::api::access::{Access, AsUser};
use crate::api::openapi::{Doc, Shape};
use crate::api::reply::{Reply, data};
use crate::model::error::{Code, Error, Result};
use crate::model::extension::{Extension, Translator};
use crate::model::ids::{parse_message_id, shown};
use crate::model::json::Object;
use crate::model::limits::Limits;
use crate::model::text::is_blank;
use crate::model::user::check_length;
use crate::outgoing::translate::{self, Outcome};
use crate::store::messages;

/// What to translate.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TranslateBody {
    /// The message that it is the text of, if it is one.
    #[schema(value_type = Option<String>)]
    msg_id: Option<Value>,
    /// Without one it is the message's own.
    text: Option<String>,
    /// Codes of languages; none stand for English.
    languages: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Translations {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    msg_id: Option<Value>,
    translations: Vec<Translation>,
    #[serde(rename = "language_original")]
    language_original: String,
}

#[derive(Serialize, ToSchema)]
struct Translation {
    message_translated: String,
    language_translated: String,
    error: Option<&'static str>,
    error_description: Option<String>,
}

/// Said of a language that is not supported; clients compare it.
const UNSUPPORTED: &str = "UnsupportedLanguagePairException";
/// Said of one for which the service did not answer.
const FAILED: &str = "ServiceUnavailableException";

/// All languages of a call together have this long; clients wait for it.
const WHOLE: Duration = Duration::from_secs(20);

pub async fn translate(access: Access<AsUser>) -> Result<Reply> {
    let slug = Extension::Translation.slug();
    let translator = access.api().extensions.translator.clone().ok_or_else(|| Extension::absent(slug))?;
    let body: TranslateBody = access.json()?;
    let languages = languages(body.languages, access.limits())?;
    let id = word(body.msg_id.as_ref()).map(|id| parse_message_id(&id)).transpose()?;
    let text = match id {
        None => body.text,
        Some(id) => {
            // Who does not see it has no business with it, not even with a text of their own.
            let (app, viewer) = (access.app().id, access.caller().viewer());
            let row = access.store().read(move |read| messages::accessible(read, app, id, viewer)).await?;
            body.text.or_else(|| Object::parse(&row.data)?.read("text"))
        }
    };
    let text = text.filter(|text| !is_blank(text)).ok_or(Code::EmptyText)?;
    check_length("text", &text, access.limits().text)?;
    let (translations, language_original) = all(&access, &translator, &text, languages).await?;
    Ok(data(&Translations { msg_id: body.msg_id.filter(|id| !id.is_null()), translations, language_original }))
}

/// Codes as they may be asked for: `de`, `zh-TW`.
fn languages(languages: Option<Vec<String>>, limits: &Limits) -> Result<Vec<String>> {
    let languages = languages.filter(|all| !all.is_empty()).unwrap_or_else(|| vec!["en".to_owned()]);
    let most = limits.translations;
    if languages.len() > most {
        let sentence = format!("A text may be translated into {most} languages at a time.");
        return Err(Error::field("languages", sentence).with_params(serde_json::json!({ "limit": most })));
    }
    let is_code =
        |code: &&String| (2..=16).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match languages.iter().find(|code| !is_code(code)) {
        Some(odd) => Err(Error::field("languages", format!("{} is no code of a language.", shown(odd)))),
        None => Ok(languages),
    }
}

/// One language after the other. What the text is in is found out once. A service that failed is not asked again.
async fn all(
    access: &Access<AsUser>,
    by: &Translator,
    text: &str,
    languages: Vec<String>,
) -> Result<(Vec<Translation>, String)> {
    let (mut done, mut from, mut failed) = (Vec::new(), None, None);
    let begun = Instant::now();
    for language in languages {
        if begun.elapsed() > WHOLE && failed.is_none() {
            failed = Some("it takes too long".to_owned());
        }
        let outcome = match &failed {
            Some(why) => Outcome::Failed(String::clone(why)),
            None => into(access, by, text, from.as_deref(), &language).await,
        };
        let (message_translated, error, error_description) = match outcome {
            Outcome::Done { text, from: found } => {
                from = from.or(found);
                (text, None, None)
            }
            Outcome::Unsupported(why) => (String::new(), Some(UNSUPPORTED), Some(why)),
            Outcome::Failed(why) => {
                if failed.is_none() {
                    log::warn!("translating: {why}");
                }
                failed = Some(why);
                (String::new(), Some(FAILED), Some("The service that translates does not answer.".to_owned()))
            }
        };
        done.push(Translation { message_translated, language_translated: language, error, error_description });
    }
    if done.iter().all(|one| one.error.is_some()) {
        // Nothing came of it: that is no success.
        let why = done.first().and_then(|one| one.error_description.clone()).unwrap_or_default();
        return Err(match failed {
            Some(_) => Code::TranslationFailed.into(),
            None => Error::new(Code::TranslationUnsupported, shown(&why)),
        });
    }
    Ok((done, from.unwrap_or_default()))
}

/// Into the language as asked. Clients name it with the region of their browser (`en-US`), services mostly without: one
/// that is not supported with it is tried by itself.
async fn into(access: &Access<AsUser>, by: &Translator, text: &str, from: Option<&str>, language: &str) -> Outcome {
    let outgoing = &access.api().outgoing;
    let outcome = translate::translate(outgoing, by, text, from, language).await;
    match (&outcome, language.split_once('-')) {
        (Outcome::Unsupported(_), Some((bare, _))) => translate::translate(outgoing, by, text, from, bare).await,
        _ => outcome,
    }
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.body::<TranslateBody>("extension-translate").reply::<Translations>("extension-translate", Shape::One);
}
