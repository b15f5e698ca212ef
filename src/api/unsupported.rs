//! Parts of the contract that this server does not have. They are refused by name and at once, so that a client knows
//! to do without them; what is no part of the contract is not found.

/// Paths, with `*` for any segment; what lies below each is absent as well. A row of the route table comes first.
const ABSENT: &[&str] = &[
    "/ai",
    "/campaigns",
    "/notifications/push/v1/providers",
    "/notifications/sms/v1/providers",
    "/notifications/email/v1/providers",
];

/// Whether the path names such a part.
pub fn is(path: &str) -> bool {
    ABSENT.iter().any(|absent| {
        let mut segments = path.split('/');
        absent.split('/').all(|known| segments.next().is_some_and(|segment| known == "*" || known == segment))
    })
}

#[cfg(test)]
mod tests {
    use super::is;

    #[test]
    fn parts_are_absent_with_all_that_is_below_them() {
        for path in ["/ai", "/ai/x/y", "/campaigns/7"] {
            assert!(is(path), "{path}");
        }
        for path in
            ["/", "/aix", "/apps/a1", "/apps/a1/webhooks", "/moderation", "/moderation/reasons", "/moderation/rules"]
        {
            assert!(!is(path), "{path}");
        }
    }
}
