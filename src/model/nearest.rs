//! What somebody may have meant: the known name most like one that is not known.

/// The name most like `name`, by letters that would have to be changed; hyphens and underscores are the same. There is one
/// whenever there are names, because who reads it sees at once whether it helps.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let flat = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    let asked = flat(name);
    names.min_by_key(|other| strsim::damerau_levenshtein(&asked, &flat(other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_found() {
        let names = ["http", "https", "public_host", "trusted_proxies"];
        for (asked, near) in [("htttp", "http"), ("Public-Host", "public_host"), ("trusted_proxy", "trusted_proxies")] {
            assert_eq!(nearest(asked, names.into_iter()), Some(near));
        }
        assert_eq!(nearest("x", std::iter::empty()), None);
    }
}
