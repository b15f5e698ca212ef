//! What a client may make the server hold before a frame is whole.
//!
//! The WebSocket parser compares a frame's length with the limit only once all of it is there, so a header that claims 2^62
//! bytes would be believed and its bytes kept for ever. This walks along the headers of what comes in, one chunk after the
//! other, and ends the socket at the header that claims too much: no byte behind it is kept. The same holds for a message in
//! fragments, with everything that comes between them.

/// Bytes of the longest header: two, eight of length, four of mask (RFC 6455 §5.2).
const HEADER: usize = 14;
/// Bytes a control frame may hold (RFC 6455 §5.5).
const CONTROL: u64 = 125;

/// More than may be held at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

/// Where in the stream of frames the walk is.
pub struct Walk {
    /// Bytes of one frame, and of the wire between the first and the last fragment of a message.
    most: u64,
    most_fragmented: u64,
    header: [u8; HEADER],
    /// Bytes of the header that are there.
    have: usize,
    /// Bytes of the frame's content that are still to come.
    left: u64,
    /// Bytes since the first fragment of a message that is not whole yet.
    fragmented: Option<u64>,
}

impl Walk {
    /// `most`: bytes of a message.
    pub fn new(most: usize) -> Self {
        let most = most as u64;
        let (header, have, left) = ([0; HEADER], 0, 0);
        Walk { most, most_fragmented: most.saturating_mul(2).max(1024), header, have, left, fragmented: None }
    }

    /// Sets another bound, for the frames whose headers are still to come.
    pub fn allow(&mut self, most: usize) {
        let Walk { most, most_fragmented, .. } = Walk::new(most);
        (self.most, self.most_fragmented) = (most, most_fragmented);
    }

    /// Bytes a message may have.
    pub fn most(&self) -> usize {
        self.most as usize
    }

    /// Goes on over the next bytes of the stream.
    pub fn over(&mut self, mut bytes: &[u8]) -> Result<(), TooLarge> {
        while !bytes.is_empty() {
            let skip = self.left.min(bytes.len() as u64) as usize;
            if skip > 0 {
                bytes = &bytes[skip..];
                self.left -= skip as u64;
                self.count(skip)?;
                continue;
            }
            self.header[self.have] = bytes[0];
            self.have += 1;
            bytes = &bytes[1..];
            self.count(1)?;
            if let Some(length) = self.claimed() {
                self.begin(length)?;
            }
        }
        Ok(())
    }

    fn count(&mut self, bytes: usize) -> Result<(), TooLarge> {
        if let Some(held) = &mut self.fragmented {
            *held += bytes as u64;
            if *held > self.most_fragmented {
                return Err(TooLarge);
            }
        }
        Ok(())
    }

    /// The length the header claims, when all of the header is there.
    fn claimed(&self) -> Option<u64> {
        if self.have < 2 {
            return None;
        }
        let mask = if self.header[1] & 0x80 == 0 { 0 } else { 4 };
        let (extended, short) = match self.header[1] & 0x7F {
            126 => (2, None),
            127 => (8, None),
            short => (0, Some(u64::from(short))),
        };
        if self.have < 2 + extended + mask {
            return None;
        }
        let long = || self.header[2..2 + extended].iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
        Some(short.unwrap_or_else(long))
    }

    /// A frame begins.
    fn begin(&mut self, length: u64) -> Result<(), TooLarge> {
        let (last, kind) = (self.header[0] & 0x80 != 0, self.header[0] & 0x0F);
        self.have = 0;
        self.left = length;
        if kind >= 8 {
            return if length > CONTROL { Err(TooLarge) } else { Ok(()) };
        }
        if length > self.most {
            return Err(TooLarge);
        }
        match last {
            true => self.fragmented = None,
            false => _ = self.fragmented.get_or_insert(0),
        }
        Ok(())
    }
}

/// What a frame may have before it is known whose socket it is. An `auth` frame is a few hundred bytes.
pub const FIRST: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const FIN: u8 = 0x80;
    const TEXT: u8 = 1;
    const CONTINUE: u8 = 0;
    const PING: u8 = 9;

    /// A header as a client writes it, with the length in as many bytes as asked.
    fn header(first: u8, length: u64, extended: usize) -> Vec<u8> {
        let mut bytes = vec![first];
        match extended {
            0 => bytes.push(0x80 | length as u8),
            2 => {
                bytes.push(0x80 | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            _ => {
                bytes.push(0x80 | 127);
                bytes.extend(length.to_be_bytes());
            }
        }
        bytes.extend([1, 2, 3, 4]);
        bytes
    }

    fn frame(first: u8, length: usize) -> Vec<u8> {
        let extended = if length < 126 { 0 } else { 8 };
        let mut bytes = header(first, length as u64, extended);
        bytes.resize(bytes.len() + length, 0xFF);
        bytes
    }

    /// How many bytes pass before the refusal, in pieces of every size.
    fn passed(bytes: &[u8]) -> usize {
        let at = |size: usize| {
            let mut walk = Walk::new(1000);
            let pieces = bytes.chunks(size);
            pieces.take_while(|piece| walk.over(piece).is_ok()).map(<[u8]>::len).sum::<usize>()
        };
        let by_one = at(1);
        for size in 2..20 {
            assert!(by_one - at(size) < size, "pieces of {size} are judged otherwise");
        }
        by_one
    }

    fn passes(bytes: &[u8]) -> bool {
        passed(bytes) == bytes.len()
    }

    #[test]
    fn a_claim_is_refused_at_its_header() {
        for length in [1001, 65_536, 1 << 31, 1 << 62, u64::MAX] {
            let mut bytes = frame(FIN | TEXT, 30);
            bytes.extend(header(FIN | TEXT, length, 8));
            let whole = bytes.len();
            bytes.extend([0; 500]);
            assert_eq!(passed(&bytes), whole - 1, "{length}: not a byte behind its header");
        }
        assert_eq!(passed(&header(FIN | TEXT, 1001, 2)), 7);
        assert!(passes(&frame(FIN | TEXT, 1000)));
        assert!(passes(&header(FIN | TEXT, 1000, 2)));
    }

    #[test]
    fn a_bound_holds_for_the_headers_that_follow() {
        let mut walk = Walk::new(1000);
        assert!(walk.over(&frame(FIN | TEXT, 1000)).is_ok());
        walk.allow(5000);
        assert!(walk.over(&frame(FIN | TEXT, 5000)).is_ok());
        assert!(walk.over(&header(FIN | TEXT, 5001, 2)).is_err());
    }

    #[test]
    fn control_frames_are_short() {
        assert!(passes(&frame(FIN | PING, 125)));
        assert!(!passes(&header(FIN | PING, 126, 2)));
    }

    #[test]
    fn fragments_are_bounded_with_all_that_comes_between() {
        let mut many = frame(TEXT, 1);
        (0..1000).for_each(|_| many.extend(frame(CONTINUE, 1)));
        assert!(passed(&many) < 2100);
        let mut pings = frame(TEXT, 1);
        (0..100).for_each(|_| pings.extend(frame(FIN | PING, 100)));
        assert!(passed(&pings) < 2100);
        // One after the other they are nothing.
        let mut messages = Vec::new();
        for _ in 0..20 {
            messages.extend(frame(TEXT, 400));
            messages.extend(frame(FIN | PING, 10));
            messages.extend(frame(CONTINUE, 300));
            messages.extend(frame(FIN | CONTINUE, 200));
        }
        assert!(passes(&messages));
    }
}
