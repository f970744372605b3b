//! base16384: bytes as Chinese characters, 14 bits each.
//!
//! Seven bytes become four characters, big-endian, U+4E00 + value. A tail of k bytes (1…6) is padded with
//! zero bits to whole characters and closed by the character U+3D00 + k.

/// The first of the 16384 data characters.
const BASE: u32 = 0x4e00;
/// The number of bits that a data character carries.
const BITS: u32 = 14;
/// The base of the closing characters: that of a tail of k bytes is this + k.
const TAIL: u32 = 0x3d00;
/// The number of bytes of a whole group.
const GROUP: usize = 7;
/// The number of characters of a whole group.
const GROUP_CHARACTERS: usize = 4;

/// Tells whether a character carries data.
pub fn is_data(c: char) -> bool {
    (BASE..0x8e00).contains(&(c as u32))
}

/// Tells whether a character closes a string.
pub fn is_closing(c: char) -> bool {
    (TAIL + 1..TAIL + GROUP as u32).contains(&(c as u32))
}

/// Encodes bytes.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 12 / GROUP + 8);
    let (mut bits, mut filled) = (0u32, 0u32);
    let mut push = |value: u32| out.extend(char::from_u32(BASE + value));
    for byte in bytes {
        bits = (bits << 8) | *byte as u32;
        filled += 8;
        if filled >= BITS {
            filled -= BITS;
            push((bits >> filled) & 0x3fff);
            bits &= (1 << filled) - 1;
        }
    }
    if filled > 0 {
        push((bits << (BITS - filled)) & 0x3fff);
    }
    let tail = bytes.len() % GROUP;
    if tail > 0 {
        out.extend(char::from_u32(TAIL + tail as u32));
    }
    out
}

/// Decodes a string; white space around it is ignored.
///
/// # Errors
/// A sentence that says which character is foreign or what is missing.
pub fn decode(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len() * GROUP / 12 + GROUP);
    let (mut bits, mut filled, mut characters) = (0u32, 0u32, 0usize);
    let mut tail = None;
    for (i, c) in text.trim().chars().enumerate() {
        if tail.is_some() {
            return Err(format!("character {} follows the closing one", i + 1));
        }
        let code = c as u32;
        match code {
            BASE..0x8e00 => {
                bits = (bits << BITS) | (code - BASE);
                filled += BITS;
                while filled >= 8 {
                    filled -= 8;
                    out.push((bits >> filled) as u8);
                }
                bits &= (1 << filled) - 1;
                characters += 1;
            }
            0x3d01..=0x3d06 => tail = Some((code - TAIL) as usize),
            _ => return Err(format!("character {} does not belong to a base16384 string", i + 1)),
        }
    }
    let tail = tail.unwrap_or(0);
    let tail_characters = (tail * 8).div_ceil(BITS as usize);
    let whole_groups = characters.saturating_sub(tail_characters) / GROUP_CHARACTERS;
    let length = whole_groups * GROUP + tail;
    let needed = whole_groups * GROUP_CHARACTERS + tail_characters;
    if needed != characters {
        return Err(format!(
            "{characters} characters cannot hold {length} bytes; the string is cut or damaged"
        ));
    }
    out.truncate(length);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back() {
        for n in 0..40usize {
            let bytes: Vec<u8> = (0..n).map(|i| (i * 37 + n) as u8 ^ 0xa5).collect();
            let text = encode(&bytes);
            assert_eq!(decode(&text).as_deref(), Ok(bytes.as_slice()), "{n} bytes");
        }
    }

    #[test]
    fn characters_are_those_of_the_format() {
        assert_eq!(encode(&[0; 7]), "一一一一");
        assert_eq!(encode(&[0xff; 7]), "\u{8dff}\u{8dff}\u{8dff}\u{8dff}");
        assert_eq!(encode(&[0x01]), "\u{4e40}\u{3d01}");
        assert_eq!(encode(&[0, 1]), "一\u{5e00}\u{3d02}");
    }

    #[test]
    fn foreign_and_cut_strings_are_refused() {
        assert!(decode("hello").unwrap_err().contains("character 1 "));
        let good = encode(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let cut: String = good.chars().skip(1).collect();
        assert!(decode(&cut).is_err());
        assert!(decode(&(good.clone() + "一")).unwrap_err().contains("follows the closing"));
        assert_eq!(decode(&format!(" {good}\n")), Ok(vec![1, 2, 3, 4, 5, 6, 7, 8, 9]));
    }
}
