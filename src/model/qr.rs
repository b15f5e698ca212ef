//! A QR code as a picture.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

/// The quiet zone that readers need around it.
const MARGIN: i32 = 4;

/// The text as an SVG, dark on white whatever stands around it; none where the text is longer than a code can be.
pub fn svg(text: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let size = code.size() + 2 * MARGIN;
    let mut dark = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let from = x;
            while code.get_module(x, y) {
                x += 1;
            }
            if x > from {
                let (at, row, wide) = (from + MARGIN, y + MARGIN, x - from);
                // Writing to a string does not fail.
                let _ = write!(dark, "M{at},{row}h{wide}v1h-{wide}z");
            }
            x += 1;
        }
    }
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0,0h{size}v{size}h-{size}z\"/><path d=\"{dark}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dark_module_is_drawn_once() {
        let text = "otpauth://totp/Hobnob:a%20b?secret=MZXW6YTBOI&issuer=Hobnob";
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        let drawn = svg(text).unwrap();
        let path = drawn.split("<path d=\"").nth(1).unwrap().split('"').next().unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for run in path.split('M').filter(|run| !run.is_empty()) {
            let (at, rest) = run.split_once('h').unwrap();
            let (x, y) = at.split_once(',').unwrap();
            let (x, y): (i32, i32) = (x.parse().unwrap(), y.parse().unwrap());
            let wide: i32 = rest.split('v').next().unwrap().parse().unwrap();
            for column in x..x + wide {
                assert!(seen.insert((column - MARGIN, y - MARGIN)), "{column},{y} twice");
            }
        }
        for y in 0..code.size() {
            for x in 0..code.size() {
                assert_eq!(seen.contains(&(x, y)), code.get_module(x, y), "{x},{y}");
            }
        }
        assert_eq!(svg(&"x".repeat(3000)), None);
    }
}
