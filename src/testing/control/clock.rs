//! Time, turned by a test. Whatever waits for a time is done on the way there, each at its own: the clock goes from one such
//! time to the next, as far as it is turned, and at each all is done that is due.
//!
//! So a day in which a webhook is tried ten times takes as long as ten requests, and what is told of each try bears its time.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::Control;
use crate::api::Api;
use crate::api::gate::Inside;
use crate::chores;
use crate::model::error::{Error, Result};
use crate::model::time::{date_and_time, iso};
use crate::store::{Read, waits};
use crate::testing::time::{duration, is_within, moment};

/// Stops on one turn: beyond it whatever is left is done at its end.
const STOPS: usize = 10_000;

/// Events that cannot be told now are looked at again so much later: whoever fails is left alone for a while.
const STEP: i64 = 5;
/// So often: nobody is left alone for longer than these take.
const STEPS: usize = 24;

/// How long those outside may take at one stop before the clock goes on, if a test says nothing else.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is looked whether all is done.
const LOOK: Duration = Duration::from_millis(1);

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Turn {
    /// To this time, which is not past.
    set: Option<Value>,
    /// By so much.
    advance: Option<Value>,
    /// From then on it stands, or runs.
    freeze: Option<bool>,
    /// How long those outside may take at one stop.
    patience: Option<Value>,
}

pub fn show(control: &Control) -> Value {
    let ms = control.clock.now_ms();
    let (at, part) = (date_and_time(ms.div_euclid(1000)).unix_timestamp(), ms.rem_euclid(1000));
    json!({ "now": at, "nowMs": ms, "iso": iso(at).replace(".000Z", &format!(".{part:03}Z")), "frozen": control.clock.stands() })
}

/// Turns it, and does all that becomes due on the way.
pub async fn turn(control: &Control, turn: Turn, inside: &Inside<'_>) -> Result<Value> {
    let field = |name: &'static str| move |why: String| Error::field(name, format!("The {name} is not valid: {why}."));
    let patience = match &turn.patience {
        Some(value) => Duration::from_millis(duration(value).map_err(field("patience"))?.unsigned_abs()),
        None => PATIENCE,
    };
    let _alone = control.turn.lock().await;
    let (now, runs) = (control.clock.now_ms(), !turn.freeze.unwrap_or(control.clock.stands()));
    let to = match (&turn.set, &turn.advance) {
        (Some(_), Some(_)) => return Err(Error::field("advance", "Either set or advance, not both.")),
        (Some(value), None) => moment(value, now).map_err(field("set"))?,
        (None, Some(value)) => now + duration(value).map_err(field("advance"))?,
        (None, None) => now,
    };
    if !is_within(to) {
        return Err(Error::field("advance", "The clock goes to the end of the year 9999 and no further."));
    }
    if to < now {
        let sentence =
            "The clock is not turned back, because what has happened stays: reset and restore go back in time.";
        return Err(Error::field("set", sentence));
    }
    // What was committed before is told by the time at which it was.
    inside.api.hub.told().await;
    let (stops, settled) = walk(control, inside.api, to, patience).await?;
    control.clock.turn(to, runs);
    let mut said = show(control);
    said["stops"] = json!(stops);
    // Somebody outside took longer than they may: what they are told comes later.
    said["settled"] = json!(settled);
    Ok(said)
}

/// Goes to a time, from one thing that is due to the next; how often it stopped, and whether nobody outside took longer than
/// they may.
async fn walk(control: &Control, api: &Api, to: i64, patience: Duration) -> Result<(usize, bool)> {
    let is_asked = !patience.is_zero();
    let mut stops = 0;
    let mut now = control.clock.now_ms();
    // One that does not answer is waited for once, and then goes on being told beside the clock.
    let (mut patience, mut steps) = (patience, STEPS);
    // Stands, so that what is done at a stop bears the time of the stop.
    control.clock.turn(now, false);
    // What is due already, or under way, is done before time goes on.
    if !settle(api, patience).await? {
        patience = Duration::ZERO;
    }
    while stops < STOPS {
        let limits = api.limits.clone();
        // Both of one moment: what is noted between them would be seen by neither.
        let look = move |read: &Read<'_>| Ok((waits::next(read, &limits)?, waits::has_untold(read)?));
        let (next, has_untold) = api.store.read(look).await?;
        let tries = steps > 0 && !patience.is_zero() && has_untold;
        let again = tries.then_some(now / 1000 + STEP);
        let Some(next) = next.into_iter().chain(again).min() else { break };
        steps = if again == Some(next) { steps - 1 } else { STEPS };
        let next = (next * 1000).max(now + 1);
        if next > to {
            break;
        }
        now = next;
        control.clock.turn(now, false);
        if !settle(api, patience).await? {
            patience = Duration::ZERO;
        }
        stops += 1;
    }
    if to > now {
        control.clock.turn(to, false);
        if !settle(api, patience).await? {
            patience = Duration::ZERO;
        }
    }
    Ok((stops, !is_asked || !patience.is_zero()))
}

/// Does all that is due now, and waits until those outside have been told, as far as they let themselves be. `false`: they took
/// longer than they may.
async fn settle(api: &Api, patience: Duration) -> Result<bool> {
    let begun = Instant::now();
    api.due.notify_one();
    chores::round(&api.store, &api.limits, &api.media).await?;
    // After the chores: what they did is told as well.
    let wakes = api.store.told().wake();
    while begun.elapsed() < patience {
        // In this order: who looks begins before it says that it has looked.
        let all_looked = api.store.told().all_looked(wakes);
        let rests = all_looked && api.store.told().under_way() == 0;
        // Nobody is being told: whoever is left is left alone for a while.
        if rests || !api.store.read(waits::has_untold).await? {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    api.hub.told().await;
    Ok(begun.elapsed() < patience)
}
