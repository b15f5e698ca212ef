//! Which lines are written: levels by where a line comes from, as `HOBNOB_LOG` and `--log` name them.

use log::LevelFilter;

/// What is written unless something else is asked for. Requests are not: a line for each would cost more than many of
/// them do, and names people and addresses.
pub const DEFAULT: &str = "warn,hobnob=info,hobnob::requests=off,actix_http=off";

/// A level for each target, the most particular first. The last, of no name, is for all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels(Vec<(String, LevelFilter)>);

impl Levels {
    /// `LEVEL` and `TARGET=LEVEL`, separated by commas. With a level of no target they stand alone; without one they
    /// change the default: `hobnob::requests=info` adds requests to what is written anyway.
    ///
    /// `Err`: a sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Levels, String> {
        let given = pairs(text)?;
        let alone = given.iter().any(|(target, _)| target.is_empty());
        let base = if alone { Vec::new() } else { pairs(DEFAULT)? };
        let mut levels: Vec<(String, LevelFilter)> = Vec::new();
        for (target, level) in base.into_iter().chain(given) {
            match levels.iter_mut().find(|(known, _)| *known == target) {
                Some((_, known)) => *known = level,
                None => levels.push((target, level)),
            }
        }
        levels.sort_by_key(|(target, _)| std::cmp::Reverse(target.len()));
        Ok(Levels(levels))
    }

    /// The level of a target. One that is not named has that of the path it lies below.
    pub fn of(&self, target: &str) -> LevelFilter {
        let covers = |name: &str| {
            let rest = target.strip_prefix(name);
            name.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        self.0.iter().find(|(name, _)| covers(name)).map_or(LevelFilter::Off, |(_, level)| *level)
    }

    /// The highest of all: nothing above it needs to be looked at.
    pub fn most(&self) -> LevelFilter {
        self.0.iter().map(|(_, level)| *level).max().unwrap_or(LevelFilter::Off)
    }
}

fn pairs(text: &str) -> Result<Vec<(String, LevelFilter)>, String> {
    let expected = |part: &str| {
        format!(
            "{part:?} is no log level (expected off, error, warn, info, debug or trace, or TARGET=LEVEL such as \
             hobnob::requests=info)"
        )
    };
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-');
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let pairs = parts.map(|part| {
        let (target, level) = part.split_once('=').unwrap_or(("", part));
        let (target, level) = (target.trim(), level.trim());
        let sane = !part.starts_with('=') && target.chars().all(named);
        let level = level.parse().ok().filter(|_| sane).ok_or_else(|| expected(part))?;
        Ok((target.to_owned(), level))
    });
    let pairs = pairs.collect::<Result<Vec<_>, String>>()?;
    if pairs.is_empty() { Err(expected(text)) } else { Ok(pairs) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_particular_target_counts() {
        let levels = Levels::parse(DEFAULT).unwrap();
        for (target, level) in [
            ("hobnob::server", LevelFilter::Info),
            ("hobnob", LevelFilter::Info),
            ("hobnob::requests", LevelFilter::Off),
            ("hobnobby", LevelFilter::Warn),
            ("actix_http::h1", LevelFilter::Off),
            ("rustls", LevelFilter::Warn),
        ] {
            assert_eq!(levels.of(target), level, "{target}");
        }
        assert_eq!(levels.most(), LevelFilter::Info);
    }

    #[test]
    fn a_level_of_no_target_stands_alone_and_others_change_the_default() {
        let requests = Levels::parse("hobnob::requests=info").unwrap();
        assert_eq!(requests.of("hobnob::requests"), LevelFilter::Info);
        assert_eq!((requests.of("rustls"), requests.of("actix_http")), (LevelFilter::Warn, LevelFilter::Off));
        let all = Levels::parse(" debug , hobnob = trace").unwrap();
        assert_eq!((all.of("actix_http"), all.of("hobnob::requests")), (LevelFilter::Debug, LevelFilter::Trace));
        assert_eq!(Levels::parse("off").unwrap().most(), LevelFilter::Off);
    }

    #[test]
    fn what_is_no_level_is_refused_by_name() {
        for wrong in ["inof", "hobnob=loud", "=info", "", ",", "hobnob", "a b=info", "info,x y"] {
            let said = Levels::parse(wrong).unwrap_err();
            assert!(said.contains("expected off, error"), "{wrong}: {said}");
        }
    }
}
