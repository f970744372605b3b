//! Words for messages about what others wrote. Knows nobody.

/// The most bytes of a key that a message shows.
const MAX_KEY: usize = 60;
/// The likeness to a known key from which an unknown one is taken for a misspelling of it; 1 is the same.
const LIKENESS: f64 = 0.75;

/// Refuses a key, naming the nearest one that is known.
pub fn unknown(key: &str, known: &[&str]) -> String {
    let short = cut(key, MAX_KEY).escape_debug();
    match nearest(key, known) {
        Some(nearest) => format!("unknown key `{short}`; did you mean `{nearest}`?"),
        None => format!("unknown key `{short}`; known: {}", known.join(", ")),
    }
}

/// Refuses a key of a file that is not to be quoted, whose place says which it is, naming the nearest one that is known.
pub fn unknown_there(key: &str, known: &[&str]) -> String {
    match nearest(key, known) {
        Some(nearest) => format!("unknown key; did you mean `{nearest}`?"),
        None => format!("unknown key; known: {}", known.join(", ")),
    }
}

/// Returns the known key for which another may be a misspelling.
fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = key.to_lowercase().replace('-', "_");
    let likeness = |known: &str| strsim::jaro_winkler(&plain, known);
    let nearest = known.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest.filter(|known| likeness(known) >= LIKENESS)
}

/// Returns as much of the text as fits in so many bytes, cut between characters.
pub fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
