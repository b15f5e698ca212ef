//! Chance and words for examples that fill databases: small and repeatable, so that each run makes the same.

/// Xorshift.
pub struct Dice(pub u64);

impl Dice {
    /// From 0 up to, not including, 1.
    pub fn roll(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn below(&mut self, most: usize) -> usize {
        (self.roll() * most as f64) as usize
    }
}

/// The word of this number: letters that say nothing.
pub fn word(number: usize) -> String {
    const SYLLABLES: [&str; 24] = [
        "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro", "su", "ta", "ve", "wi",
        "xo", "zu", "sha", "the", "cri", "plo",
    ];
    let mut left = number.wrapping_mul(7919) % 331_776;
    let mut text = String::new();
    for _ in 0..4 {
        text.push_str(SYLLABLES[left % 24]);
        left /= 24;
    }
    text
}
