//! Blocks of a pcapng file (draft-ietf-opsawg-pcapng), little-endian, with
//! nanosecond time stamps and raw IPv4 frames.

/// `LINKTYPE_RAW`: frames begin with the IP header.
const LINKTYPE_RAW: u16 = 101;
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const EPB_FLAGS: u16 = 2;

/// Which way a packet crossed the interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Direction {
    In = 1,
    Out = 2,
}

/// The blocks a file begins with: section, and its one interface.
pub(super) fn preamble(interface: &str) -> Vec<u8> {
    let mut section = Vec::new();
    section.extend(BYTE_ORDER_MAGIC.to_le_bytes());
    section.extend(1_u16.to_le_bytes());
    section.extend(0_u16.to_le_bytes());
    // Length of the section: not known.
    section.extend(u64::MAX.to_le_bytes());
    option(&mut section, SHB_USERAPPL, concat!("halfclose ", env!("CARGO_PKG_VERSION")).as_bytes());
    option(&mut section, END_OF_OPTIONS, &[]);
    let mut description = Vec::new();
    description.extend(LINKTYPE_RAW.to_le_bytes());
    description.extend(0_u16.to_le_bytes());
    // No limit on the length of a packet.
    description.extend(0_u32.to_le_bytes());
    option(&mut description, IF_NAME, interface.as_bytes());
    option(&mut description, IF_TSRESOL, &[9]);
    option(&mut description, END_OF_OPTIONS, &[]);
    let mut out = Vec::new();
    block(&mut out, SECTION_HEADER, &section);
    block(&mut out, INTERFACE_DESCRIPTION, &description);
    out
}

/// A packet with its comments, at `ns` since 1970.
pub(super) fn packet(out: &mut Vec<u8>, ns: u64, direction: Direction, frame: &[u8], comments: &[String]) {
    let len = u32::try_from(frame.len()).expect("an IPv4 packet is shorter than 64 KiB");
    let mut body = Vec::with_capacity(frame.len() + 64);
    body.extend(0_u32.to_le_bytes());
    let (high, low) = (ns >> 32, ns & u64::from(u32::MAX));
    for half in [high, low] {
        body.extend(u32::try_from(half).expect("32 bits of it").to_le_bytes());
    }
    body.extend(len.to_le_bytes());
    body.extend(len.to_le_bytes());
    body.extend_from_slice(frame);
    pad(&mut body);
    for comment in comments {
        option(&mut body, COMMENT, comment.as_bytes());
    }
    option(&mut body, EPB_FLAGS, &(direction as u32).to_le_bytes());
    option(&mut body, END_OF_OPTIONS, &[]);
    block(out, ENHANCED_PACKET, &body);
}

/// Type, length, body, length again.
fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let len = u32::try_from(body.len() + 12).expect("a block is short").to_le_bytes();
    out.extend(kind.to_le_bytes());
    out.extend(len);
    out.extend_from_slice(body);
    out.extend(len);
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let len = u16::try_from(value.len()).expect("an option's value is shorter than 64 KiB");
    out.extend(code.to_le_bytes());
    out.extend(len.to_le_bytes());
    out.extend_from_slice(value);
    pad(out);
}

/// Every field begins at a multiple of four bytes: lengths so far are counted
/// from one.
fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(bytes: &[u8], at: usize) -> usize {
        u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
    }

    #[test]
    fn blocks_say_their_length_at_both_ends() {
        let mut file = preamble("client");
        packet(&mut file, 1 << 33, Direction::Out, &[1, 2, 3], &["FIN 到达".to_owned()]);
        let (mut at, mut kinds) = (0, Vec::new());
        while at < file.len() {
            let len = word(&file, at + 4);
            assert_eq!(len % 4, 0);
            assert_eq!(word(&file, at + len - 4), len);
            kinds.push(word(&file, at));
            at += len;
        }
        assert_eq!(kinds, [0x0a0d_0d0a, 1, 6]);
    }

    #[test]
    fn time_is_split_into_high_and_low() {
        let mut out = Vec::new();
        packet(&mut out, (7 << 32) + 5, Direction::In, &[], &[]);
        assert_eq!((word(&out, 12), word(&out, 16)), (7, 5));
    }
}
