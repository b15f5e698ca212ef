//! Times and durations as tests write them: `2026-03-01T12:00:00Z`, Unix seconds, `90s`, `1d2h`, `-3h`.

use serde_json::Value;
use time::{Date, Month, PrimitiveDateTime, Time};

/// A time in Unix milliseconds. What begins with a sign is counted from `now`. `Err`: what was expected.
pub fn moment(value: &Value, now: i64) -> Result<i64, String> {
    let wrong = || {
        "expected a time: 2026-03-01T12:00:00Z, Unix seconds or milliseconds, or one like -2h that is counted from the clock"
            .to_owned()
    };
    match value {
        Value::Number(number) => {
            let number = number.as_f64().ok_or_else(wrong)?;
            // As elsewhere: no date of these years is ambiguous.
            let ms = if number.abs() >= 1e11 { number } else { number * 1000.0 };
            Some(ms as i64).filter(|ms| is_within(*ms)).ok_or_else(wrong)
        }
        Value::String(text) => {
            let text = text.trim();
            let relative =
                text.strip_prefix('-').map(|rest| (-1, rest)).or(text.strip_prefix('+').map(|rest| (1, rest)));
            let ms = match relative {
                Some((sign, rest)) => span(rest).map(|ms| now.saturating_add(sign * ms)),
                None if text == "now" => Some(now),
                None => date(text),
            };
            ms.filter(|ms| is_within(*ms)).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

/// The years that a calendar has, and all that is stored can hold.
pub fn is_within(ms: i64) -> bool {
    (0..253_402_300_800_000).contains(&ms)
}

/// A duration in milliseconds: a number of seconds, or text like `1d2h`, `90s`, `250ms`.
pub fn duration(value: &Value) -> Result<i64, String> {
    let ms = match value {
        Value::Number(number) => number.as_f64().map(|seconds| (seconds * 1000.0) as i64),
        Value::String(text) => span(text.trim()),
        _ => None,
    };
    // A century: whatever is longer is a mistake.
    ms.filter(|ms| (0..=3_155_760_000_000).contains(ms))
        .ok_or_else(|| "expected a duration: seconds, or one like 1d2h, 90s or 250ms".to_owned())
}

fn span(text: &str) -> Option<i64> {
    // Months and years are of different lengths: whoever means one says how many days.
    const UNITS: [(&str, i64); 6] =
        [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];
    let (mut rest, mut all) = (text, None::<i64>);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        let (_, ms) = UNITS.iter().find(|(name, _)| *name == rest[digits..unit].trim())?;
        all = Some(all.unwrap_or(0).checked_add(number.checked_mul(*ms)?)?);
        rest = &rest[unit..];
    }
    all
}

/// A date (RFC 3339, with or without a time), in UTC where it names no other zone.
fn date(text: &str) -> Option<i64> {
    let (day, rest) = text.split_at_checked(10)?;
    let mut parts = day.splitn(3, '-');
    let mut number = || parts.next()?.parse::<u16>().ok();
    let (year, month, day) = (number()?, number()?, number()?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let day = Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok()?;
    let Some(rest) = rest.strip_prefix(['T', 't', ' ']) else {
        return rest
            .is_empty()
            .then(|| PrimitiveDateTime::new(day, Time::MIDNIGHT).assume_utc().unix_timestamp() * 1000);
    };
    let zone = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone);
    let mut parts = clock.split(':');
    let mut number = || parts.next().unwrap_or("0").parse::<f64>().ok();
    let (hour, minute, second) = (number()?, number()?, number()?);
    // Digits alone: numbers have other forms, too.
    let plain = clock.bytes().all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.');
    if !plain || parts.next().is_some() || hour.fract() != 0.0 || minute.fract() != 0.0 {
        return None;
    }
    let (whole, ms) = (second.trunc(), (second.fract() * 1000.0).round().min(999.0));
    let time = Time::from_hms_milli(hour as u8, minute as u8, whole as u8, ms as u16).ok()?;
    let offset = match zone {
        "" | "Z" | "z" => 0,
        zone => {
            let (hours, minutes) = zone[1..].split_once(':')?;
            let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
            // The farthest there is.
            if !(0..=14).contains(&hours) || !(0..60).contains(&minutes) {
                return None;
            }
            let minutes = hours * 60 + minutes;
            if zone.starts_with('-') { -minutes } else { minutes }
        }
    };
    let at = PrimitiveDateTime::new(day, time).assume_utc();
    Some(at.unix_timestamp() * 1000 + i64::from(at.millisecond()) - offset * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_written_in_many_ways() {
        let now = 1_795_000_000_000;
        for (written, ms) in [
            (json!("2024-03-15T12:00:00Z"), 1_710_504_000_000),
            (json!("2024-03-15T14:00:00.250+02:00"), 1_710_504_000_250),
            (json!("2024-03-15 12:00"), 1_710_504_000_000),
            (json!("2024-03-15"), 1_710_460_800_000),
            (json!(1_710_504_000), 1_710_504_000_000),
            (json!(1_710_504_000_250_i64), 1_710_504_000_250),
            (json!("-1d2h"), now - 93_600_000),
            (json!("+250ms"), now + 250),
            (json!("now"), now),
        ] {
            assert_eq!(moment(&written, now), Ok(ms), "{written}");
        }
        for wrong in [
            "",
            "tomorrow",
            "2024-13-01",
            "2024-03-15T25:00:00Z",
            "-1x",
            "-",
            "2024-03-15T12:00:00+2",
            "é-03-15T1",
            "2024-03-15T00:00:NaN",
            "2024-03-15T1e1:00",
            "2024-03-15T12:00:00+99:99",
        ] {
            assert!(moment(&json!(wrong), now).is_err(), "{wrong}");
        }
        assert!(moment(&json!(true), now).is_err() && moment(&json!(-5), now).is_err());
        assert_eq!((duration(&json!(1.5)), duration(&json!("1w1s"))), (Ok(1500), Ok(604_801_000)));
        assert!(
            duration(&json!("99999999999w")).is_err()
                && duration(&json!(-1)).is_err()
                && duration(&json!("5")).is_err()
        );
    }
}
