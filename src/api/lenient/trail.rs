//! Where in some JSON a value stands that was not taken: each level notes the how manieth of its entries it is, and the keys are
//! looked up in the text afterwards.

use std::cell::RefCell;
use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

thread_local! {
    /// Of a value that was not taken: the how manieth of its list or object it is, and those of the levels above.
    static TRAIL: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Forgets the one before.
pub fn begin() {
    TRAIL.with_borrow_mut(Vec::clear);
}

/// What was asked for at this place is not taken.
#[cold]
pub fn note(at: usize) {
    TRAIL.with_borrow_mut(|trail| trail.push(at));
}

/// Where the trail leads in this text.
pub fn path(text: &[u8]) -> String {
    let (mut path, mut inside) = (String::new(), std::str::from_utf8(text).unwrap_or_default());
    for at in TRAIL.with_borrow_mut(std::mem::take).into_iter().rev() {
        let mut entry = Entry { at, key: None, value: None };
        // It ends in the midst: what follows is not looked at.
        let _ = serde_json::Deserializer::from_str(inside).deserialize_any(&mut entry);
        match entry.key {
            Some(key) if path.is_empty() => path = key,
            Some(key) => path = format!("{path}.{key}"),
            None => path = format!("{path}[{at}]"),
        }
        inside = entry.value.map_or("", RawValue::get);
    }
    path
}

/// Looks for one entry of a list or an object.
struct Entry<'de> {
    at: usize,
    key: Option<String>,
    value: Option<&'de RawValue>,
}

impl<'de> Visitor<'de> for &mut Entry<'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list or an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for at in 0..=self.at {
            let key = items.next_key()?;
            if at == self.at {
                self.key = key;
            }
            self.value = Some(items.next_value()?);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for _ in 0..=self.at {
            self.value = items.next_element()?;
        }
        Ok(())
    }
}
