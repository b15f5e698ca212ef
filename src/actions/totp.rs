//! A code of a device beside an admin's password: enrolled, confirmed, asked for, switched off.
//!
//! A code is checked in the write that uses it up, so it works once however many come at the same time.

use serde::Serialize;

use crate::model::audit::{Act, Actor};
use crate::model::error::{Code, Error, Result};
use crate::model::qr;
use crate::model::totp::{self, SECRET, plain_recovery};
use crate::store::{Write, admins, digest, totp as rows};

/// How many codes stand in for a device that was lost.
const RECOVERY: usize = 10;
/// Random bytes of each: too many to try them out against their digests.
const RECOVERY_BYTES: usize = 10;

/// What a device is told, once.
#[derive(Serialize)]
pub struct Enrolment {
    /// RFC 4648 base32, to be typed.
    pub secret: String,
    /// The same for a picture.
    pub url: String,
    /// That picture, as SVG: devices read it with their camera.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

/// Makes a secret for an admin who has no device yet. Nothing is asked for until a code of it was shown.
pub fn enrol(tx: &mut Write<'_>, admin: i64) -> Result<Enrolment> {
    let name = admins::known(tx, admin)?.name;
    if rows::device(tx, admin)?.on {
        return Err(Error::new(Code::PermissionDenied, "There is a device already: switch it off first."));
    }
    let secret = tx.ids().bytes(SECRET);
    rows::set_secret(tx, admin, &secret)?;
    let url = totp::url(&name, &secret);
    Ok(Enrolment { secret: totp::base32(&secret), picture: qr::svg(&url), url })
}

/// Asks for codes from now on, since this one is right; gives codes that stand in for the device, each once.
pub fn confirm(tx: &mut Write<'_>, actor: &Actor, admin: i64, code: &str) -> Result<Vec<String>> {
    let device = rows::device(tx, admin)?;
    let Some(secret) = device.secret.filter(|_| !device.on) else {
        return Err(Error::new(Code::BadRequest, "There is nothing to confirm: enrol a device first."));
    };
    let step = totp::step_of(&secret, code, tx.now(), device.step);
    let step = step.ok_or_else(|| Error::field("code", "The code is wrong: is the clock of the device right?"))?;
    rows::set_step(tx, admin, step)?;
    rows::switch_on(tx, admin)?;
    let codes: Vec<String> = (0..RECOVERY).map(|_| tx.ids().hex(RECOVERY_BYTES)).collect();
    for code in &codes {
        rows::insert_recovery(tx, admin, &digest(code))?;
    }
    note(tx, actor, Act::AdminTotpOn, admin)?;
    Ok(codes.iter().map(|code| grouped(code)).collect())
}

/// `01234-56789-…`: as people copy it.
fn grouped(code: &str) -> String {
    let groups: Vec<&str> =
        (0..code.len()).step_by(5).filter_map(|at| code.get(at..(at + 5).min(code.len()))).collect();
    groups.join("-")
}

/// Switches it off and forgets the device.
pub fn remove(tx: &mut Write<'_>, actor: &Actor, admin: i64) -> Result<()> {
    admins::known(tx, admin)?;
    rows::clear(tx, admin)?;
    note(tx, actor, Act::AdminTotpOff, admin)
}

fn note(tx: &mut Write<'_>, actor: &Actor, act: Act, admin: i64) -> Result<()> {
    let name = admins::known(tx, admin)?.name;
    super::audit::note(tx, actor, act, None, Some(&name))
}

/// What is wrong with a code at log-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// One is asked for.
    Missing,
    /// It is not one of now, or was used.
    Code,
}

/// Uses up the code of an admin who is asked for one.
pub fn check(tx: &mut Write<'_>, admin: i64, shown: Option<&str>) -> Result<std::result::Result<(), Wrong>> {
    let device = rows::device(tx, admin)?;
    let Some(secret) = device.secret.filter(|_| device.on) else { return Ok(Ok(())) };
    let Some(shown) = shown.filter(|shown| !shown.trim().is_empty()) else { return Ok(Err(Wrong::Missing)) };
    if let Some(step) = totp::step_of(&secret, shown, tx.now(), device.step) {
        rows::set_step(tx, admin, step)?;
        return Ok(Ok(()));
    }
    let recovered = rows::use_recovery(tx, admin, &digest(&plain_recovery(shown)))?;
    Ok(if recovered { Ok(()) } else { Err(Wrong::Code) })
}
