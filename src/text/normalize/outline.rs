//! The outline of a pattern, which tells in a moment that the pattern cannot match.
//!
//! To compile a pattern takes longer than to read a sentence. An outline needs no compiling: it is the pattern as
//! one row of steps, in which each takes a character of a set. Where alternatives part, a step takes what any of
//! them would; so the outline fits wherever the pattern matches, and seldom elsewhere.

use std::ops::BitOr;

/// The most steps of an outline; what a pattern asks for beyond them is not looked at.
const STEPS: usize = 62;
/// The most times that a part is written out one after the other.
const TIMES: u32 = 8;

/// Holds the row of steps.
#[derive(Debug, PartialEq, Eq)]
pub struct Outline {
    steps: Vec<Step>,
    /// The steps that may be left out, one a bit.
    optional: u64,
}

/// Takes a character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Step {
    set: Set,
    /// Whether it may be left out.
    optional: bool,
    /// Whether it may take any number of characters.
    repeats: bool,
}

/// Holds ASCII characters, one a bit, and all others as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Set {
    ascii: u128,
    others: bool,
}

impl Set {
    fn of(c: char) -> Self {
        if c.is_ascii() {
            Set { ascii: 1 << c as u32, others: false }
        } else {
            Set { ascii: 0, others: true }
        }
    }

    fn range(from: char, to: char) -> Self {
        // All up to a character, one a bit.
        let up_to = |c: char| if u32::from(c) < 127 { (2 << u32::from(c)) - 1 } else { u128::MAX };
        let below = u128::MAX.checked_shl(from.into()).unwrap_or(0);
        let ascii = up_to(to) & below;
        Set { ascii, others: !to.is_ascii() }
    }

    /// Returns the letters in both cases; some beyond ASCII are in one case what others are in the other.
    fn in_any_case(self) -> Self {
        let (large, small) = (Set::range('A', 'Z').ascii, Set::range('a', 'z').ascii);
        let other = (self.ascii & large) << 32 | (self.ascii & small) >> 32;
        Set { ascii: self.ascii | other, others: true }
    }

    fn has(self, c: char) -> bool {
        if c.is_ascii() { self.ascii >> c as u32 & 1 == 1 } else { self.others }
    }
}

impl BitOr for Set {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Set { ascii: self.ascii | other.ascii, others: self.others | other.others }
    }
}

impl Outline {
    /// Returns the outline of a pattern; none if there is something in it that is not known here.
    pub fn of(pattern: &str) -> Option<Self> {
        let mut parser = Parser { rest: pattern };
        let mut steps = parser.alternatives(false)?;
        steps.truncate(STEPS);
        let optional =
            steps.iter().enumerate().fold(0, |bits, (i, step)| bits | u64::from(step.optional) << i);
        parser.rest.is_empty().then_some(Outline { steps, optional })
    }

    /// Tells whether it fits some text that begins with a character of a kind, of which those beyond ASCII are all
    /// or none.
    pub fn begins(&self, kind: fn(char) -> bool) -> bool {
        let first = self.with_optional(1);
        let takes = |set: Set| (0..=127u8).map(char::from).chain(['一']).any(|c| kind(c) && set.has(c));
        first >> self.steps.len() & 1 == 1
            || self.steps.iter().enumerate().any(|(i, step)| first >> i & 1 == 1 && takes(step.set))
    }

    /// Tells whether the beginning of a text has this outline.
    pub fn fits(&self, text: &str) -> bool {
        let end = 1 << self.steps.len();
        // The steps that may come next, one a bit.
        let mut next = self.with_optional(1);
        for c in text.chars() {
            if next & end != 0 {
                return true;
            }
            let (mut left, mut taken) = (next, 0);
            while left != 0 {
                let i = left.trailing_zeros();
                left &= left - 1;
                if let Some(step) = self.steps.get(i as usize).filter(|step| step.set.has(c)) {
                    taken |= 2 << i | u64::from(step.repeats) << i;
                }
            }
            if taken == 0 {
                return false;
            }
            next = self.with_optional(taken);
        }
        next & end != 0
    }

    fn with_optional(&self, mut next: u64) -> u64 {
        loop {
            let more = next | (next & self.optional) << 1;
            if more == next {
                return next;
            }
            next = more;
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn takes(&mut self, start: &str) -> bool {
        let rest = self.rest.strip_prefix(start);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn alternatives(&mut self, any_case: bool) -> Option<Vec<Step>> {
        let mut steps = self.row(any_case)?;
        while self.takes("|") {
            let other = self.row(any_case)?;
            let len = steps.len();
            let absent = Step { optional: true, ..Step::default() };
            steps.resize(len.max(other.len()), absent);
            for (i, step) in steps.iter_mut().enumerate() {
                let other = other.get(i).unwrap_or(&absent);
                step.set = step.set | other.set;
                step.optional |= other.optional;
                step.repeats |= other.repeats;
            }
        }
        Some(steps)
    }

    fn row(&mut self, any_case: bool) -> Option<Vec<Step>> {
        let mut steps = Vec::new();
        while !self.rest.is_empty() && !self.rest.starts_with(['|', ')']) {
            let part = self.part(any_case)?;
            let (least, most) = self.count()?;
            repeat(&mut steps, &part, least, most);
        }
        Some(steps)
    }

    fn part(&mut self, any_case: bool) -> Option<Vec<Step>> {
        let set = match self.next()? {
            '(' => {
                let mut any_case = any_case;
                if self.takes("?") {
                    let (head, rest) = self.rest.split_once([':', '>'])?;
                    // A name, or flags.
                    any_case |= !head.contains('<') && head.split('-').next()?.contains('i');
                    self.rest = rest;
                }
                let steps = self.alternatives(any_case)?;
                return self.takes(")").then_some(steps);
            }
            '^' | '$' => return Some(Vec::new()),
            '[' => self.class()?,
            '\\' => self.escaped()?,
            '{' | '}' | '*' | '+' | '?' | '.' => return None,
            c => Set::of(c),
        };
        Some(vec![Step { set: if any_case { set.in_any_case() } else { set }, ..Step::default() }])
    }

    fn escaped(&mut self) -> Option<Set> {
        match self.next()? {
            's' => Some(Set { others: true, ..Set::of(' ') | Set::range('\t', '\r') }),
            'n' => Some(Set::of('\n')),
            'r' => Some(Set::of('\r')),
            't' => Some(Set::of('\t')),
            c if !c.is_alphanumeric() => Some(Set::of(c)),
            _ => None,
        }
    }

    /// Reads the rest of `[…]`.
    fn class(&mut self) -> Option<Set> {
        let negated = self.takes("^");
        let mut set = Set::default();
        while !self.takes("]") {
            let from = self.next()?;
            set = set
                | match from {
                    '[' => return None,
                    '&' | '-' | '~' if self.rest.starts_with(from) => return None,
                    '\\' => self.escaped()?,
                    _ if self.rest.starts_with('-') && !self.rest.starts_with("-]") => {
                        self.next()?;
                        let to = self.next().filter(|to| *to != '\\')?;
                        Set::range(from, to)
                    }
                    _ => Set::of(from),
                };
        }
        Some(if negated { Set { ascii: !set.ascii, others: true } } else { set })
    }

    /// Reads how often the part before may stand there.
    fn count(&mut self) -> Option<(u32, u32)> {
        if self.takes("?") {
            return Some((0, 1));
        }
        if !self.takes("{") {
            return Some((1, 1));
        }
        let (count, rest) = self.rest.split_once('}')?;
        self.rest = rest;
        let (least, most) = count.split_once(',').unwrap_or((count, count));
        Some((least.parse().ok()?, most.parse().ok()?))
    }
}

/// Adds a part that stands there `least` to `most` times.
fn repeat(steps: &mut Vec<Step>, part: &[Step], least: u32, most: u32) {
    let written = least.min(TIMES);
    for _ in 0..written {
        steps.extend(part);
    }
    match most - written {
        0 => {}
        1 => steps.extend(part.iter().map(|step| Step { optional: true, ..*step })),
        _ => {
            let set = part.iter().fold(Set::default(), |set, step| set | step.set);
            steps.push(Step { set, optional: true, repeats: true });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_fits_what_begins_like_its_pattern() {
        for (pattern, fits, no) in [
            ("[0-9]{3}-[0-9]{4}", "555-0123 x", "555-012"),
            ("(?P<h>[01]?[0-9]|2[0-4]):[0-5][0-9]", "7:15", "71 5"),
            ("(?i-u:[x-z]a)", "YA", "Wa"),
            ("(?i-u:jan|february)\\.? [0-9]", "FEBruary 3", "Feb."),
            (r"\((?:\+[0-9]{1,3}|x)\)$", "(+86)", "+86)"),
            (r"[^0-9.\s]€?", "é", "3"),
            ("a{2,9}b", "aaaaaaab", "ab"),
            ("", "", "\u{0}never"),
        ] {
            let outline = Outline::of(pattern).unwrap();
            assert!(outline.fits(fits), "{pattern}: {fits}");
            assert!(no.ends_with("never") || !outline.fits(no), "{pattern}: {no}");
        }
    }

    #[test]
    fn a_pattern_that_is_too_strange_has_none() {
        for pattern in ["(", ")", "a*", r"\w", "[[a]]", "[a&&b]", "{2}", "a{1,}", "[a"] {
            assert_eq!(Outline::of(pattern), None, "{pattern}");
        }
    }
}
