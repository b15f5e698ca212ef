//! Codes of a device beside a password: RFC 6238 as every authenticator has it (HMAC-SHA1, 30 seconds, six digits).
//!
//! The two crates are in the house already, and what they leave to do is half a page; `totp-rs` checks it in the tests.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Seconds that a code is good for.
const STEP: i64 = 30;
/// How many steps a device's clock may be off.
const DRIFT: i64 = 1;
/// Bytes of a secret: as many as the hash has, as RFC 4226 recommends.
pub const SECRET: usize = 20;

/// The code of a step.
fn code(secret: &[u8], step: i64) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).ok()?;
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash.last()? & 0xf);
    let four: [u8; 4] = hash.get(at..at + 4)?.try_into().ok()?;
    Some(format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000))
}

/// The step whose code this is, if it is one of now (Unix seconds) and later than `used`.
pub fn step_of(secret: &[u8], shown: &str, now: i64, used: i64) -> Option<i64> {
    let shown: String = shown.chars().filter(|c| !c.is_whitespace()).collect();
    let fits = |step: i64| code(secret, step).is_some_and(|code| same(code.as_bytes(), shown.as_bytes()));
    // All are computed, so that the time says nothing.
    let steps = (now / STEP - DRIFT)..=(now / STEP + DRIFT);
    steps.fold(None, |found, step| if fits(step) && step > used { Some(step) } else { found })
}

fn same(one: &[u8], other: &[u8]) -> bool {
    use subtle::ConstantTimeEq;
    one.ct_eq(other).into()
}

/// RFC 4648, without padding: how secrets are shown.
pub fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = (held << 8 | u32::from(*byte)) & 0xfff_ffff;
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[(held >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(LETTERS[(held << (5 - bits) & 31) as usize]));
    }
    text
}

/// What devices read as a picture. A name has no colon there: it parts the name from who asks for the code.
pub fn url(name: &str, secret: &[u8]) -> String {
    let name = name.replace(':', " ");
    let name = percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC);
    format!("otpauth://totp/Hobnob:{name}?secret={}&issuer=Hobnob", base32(secret))
}

/// A code as it is kept and compared: people type capitals and other dashes.
pub fn plain_recovery(shown: &str) -> String {
    shown.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the last six digits.
    #[test]
    fn codes_are_the_standards() {
        let secret = b"12345678901234567890";
        for (now, shown) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(secret, now / STEP).as_deref(), Some(shown));
            assert_eq!(step_of(secret, shown, now, 0), Some(now / STEP));
            assert_eq!(step_of(secret, &format!(" {} {}", &shown[..3], &shown[3..]), now + STEP, 0), Some(now / STEP));
            assert_eq!(step_of(secret, shown, now + 2 * STEP, 0), None, "it is over");
            assert_eq!(step_of(secret, shown, now, now / STEP), None, "once");
        }
        assert_eq!(step_of(secret, "", 59, 0), None);
        assert_eq!(step_of(secret, "000000", 59, 0), None);
    }

    /// What devices make of the address, as another library has it.
    #[test]
    fn a_device_that_reads_the_address_shows_the_same_codes() {
        for (name, seed) in [("root", 1_u8), ("Ann \u{202e}<b>&/?#é", 77), ("a:b%20", 200)] {
            let secret: Vec<u8> = (0..SECRET as u8).map(|at| at.wrapping_mul(31).wrapping_add(seed)).collect();
            let device = totp_rs::Totp::from_url(url(name, &secret)).unwrap();
            assert_eq!(device.secret().as_bytes(), secret);
            for now in (0..200).map(|at| at * 15_485_863 + i64::from(seed)) {
                let shown = device.generate(now as u64).to_string();
                assert_eq!(code(&secret, now / STEP), Some(shown.clone()), "{now}");
                assert_eq!(step_of(&secret, &shown, now, -1), Some(now / STEP));
            }
        }
    }

    /// RFC 4648, section 10.
    #[test]
    fn secrets_are_shown_as_the_standard_says() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        assert_eq!(url("a b", b"foobar"), "otpauth://totp/Hobnob:a%20b?secret=MZXW6YTBOI&issuer=Hobnob");
        assert_eq!(plain_recovery(" ABCD-efgh_1 "), "abcdefgh1");
    }
}
