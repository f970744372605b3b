//! Kinds of characters, for patterns of strings.

/// Tells whether a character is an ASCII digit.
pub fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// Tells whether a character is a Latin letter without an accent.
pub fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic()
}

/// Tells whether a character is such a letter or a digit.
pub fn is_letter_or_digit(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

/// Tells whether a character is a small Latin letter.
pub fn is_small(c: char) -> bool {
    c.is_ascii_lowercase()
}

/// Tells whether a character is a capital Latin letter.
pub fn is_capital(c: char) -> bool {
    c.is_ascii_uppercase()
}
