//! The marker in every message text: which lane sent it, as its how manieth. It is found in a frame by searching for its
//! first bytes, so that no frame has to be parsed.
//!
//! Frames of one scenario look all alike, so the marker is nearly always where it was in the frame before: that place
//! is tried first.

const HEAD: &[u8] = b"~~";
const LANE_DIGITS: usize = 4;
const SEQUENCE_DIGITS: usize = 9;

/// As written into the text before the first message.
pub const TEMPLATE: &str = "~~0000.000000000";

/// Which message a frame carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Marker {
    pub lane: usize,
    pub sequence: u32,
}

impl Marker {
    /// Overwrites the template at the beginning of `at`.
    pub fn write(self, at: &mut [u8]) {
        let lane_end = HEAD.len() + LANE_DIGITS;
        write_digits(&mut at[HEAD.len()..lane_end], self.lane);
        write_digits(&mut at[lane_end + 1..lane_end + 1 + SEQUENCE_DIGITS], self.sequence as usize);
    }

    /// Finds the marker in a frame. `hint` remembers where.
    pub fn find(frame: &[u8], hint: &mut usize) -> Option<Self> {
        if let Some(marker) = frame.get(*hint..).and_then(Self::read) {
            return Some(marker);
        }
        let found = frame.windows(HEAD.len()).position(|bytes| bytes == HEAD)?;
        let marker = Self::read(&frame[found..])?;
        *hint = found;
        Some(marker)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(HEAD)?;
        let (lane, rest) = bytes.split_at_checked(LANE_DIGITS)?;
        let sequence = rest.strip_prefix(b".")?.get(..SEQUENCE_DIGITS)?;
        Some(Self { lane: read_digits(lane)?, sequence: read_digits(sequence)? as u32 })
    }
}

fn write_digits(at: &mut [u8], mut value: usize) {
    for digit in at.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

fn read_digits(digits: &[u8]) -> Option<usize> {
    digits.iter().try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + usize::from(digit - b'0')))
}
