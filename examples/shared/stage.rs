//! People who are there before anything is measured.

use std::ops::Range;

use hobnob::actions;
use hobnob::model::caller::{App, Caller};
use hobnob::model::error::Result;
use hobnob::model::ids::Uid;
use hobnob::model::user::{Profile, UserDraft};
use hobnob::store::{Store, Write};

use super::chance::word;

/// Writes in one transaction.
pub const BATCH: usize = 500;

pub fn name(n: usize) -> String {
    let capital = |text: String| text[..1].to_uppercase() + &text[1..];
    format!("{} {}", capital(word(n % 3000)), capital(word(7 * n + 11)))
}

/// Makes the users of these numbers, and gives the first so many of them.
pub async fn users(store: &Store, app: &App, numbers: Range<usize>, first: usize) -> Result<Vec<Caller>> {
    let mut people: Vec<Caller> = Vec::new();
    for from in numbers.clone().step_by(BATCH) {
        let (of, upto) = (app.clone(), (from + BATCH).min(numbers.end));
        let piece = move |tx: &mut Write<'_>| {
            let mut made = Vec::new();
            for n in from..upto {
                let uid = format!("user{n}");
                let draft =
                    UserDraft { uid: Uid::parse(&uid)?, name: name(n), role: None, profile: Profile::default() };
                let user = actions::users::create(tx, &of, draft)?.id;
                made.push(Caller { device: "stage".into(), ..Caller::of(of.clone(), user, &uid) });
            }
            Ok(made)
        };
        let made = store.write("stage", piece).await?;
        people.extend(made.into_iter().take(first.saturating_sub(people.len())));
    }
    Ok(people)
}
