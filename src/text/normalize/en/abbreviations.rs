//! Tables of abbreviations.

use crate::text::normalize::table::{self, Cells, Table};

/// Says what an abbreviation with a dot stands before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// A name: its dot ends no sentence.
    BeforeName,
    /// A number; elsewhere it is another word.
    BeforeNumber,
    /// Anything; its dot may end the sentence too.
    Anywhere,
}

/// Abbreviations with one dot at their end. One in small letters may begin with a capital, too.
pub static SHORT: Table<(&str, &str, Stands)> = Table::new("en/abbreviations", short);

/// Titles that are something else before a number.
pub const NUMBERED: &[(&str, &str)] =
    &[("Rev", "revision"), ("Gen", "generation"), ("Col", "column"), ("v", "version")];

/// Abbreviations with dots inside, in small letters and without the last dot, and whether they can end a
/// sentence. Others of single letters are spelled.
pub static DOTTED: Table<(&str, &str, bool)> = Table::new("en/dotted", dotted);

/// American states.
pub static STATES: Table<State> = Table::new("en/states", state);

/// Holds an American state.
pub struct State {
    pub name: &'static str,
    /// Its two letters on an envelope, and those that it had before.
    pub codes: Vec<&'static str>,
    /// Its name as newspapers shorten it.
    pub short: Vec<&'static str>,
}

fn state(cells: &Cells) -> Option<State> {
    match cells {
        [name, codes, short] => {
            Some(State { name, codes: table::forms(codes).collect(), short: table::forms(short).collect() })
        }
        _ => None,
    }
}

fn short(cells: &Cells) -> Option<(&'static str, &'static str, Stands)> {
    let (short, spoken, stands) = table::triple(cells)?;
    let stands = match stands {
        "name" => Stands::BeforeName,
        "number" => Stands::BeforeNumber,
        _ => Stands::Anywhere,
    };
    Some((short, spoken, stands))
}

fn dotted(cells: &Cells) -> Option<(&'static str, &'static str, bool)> {
    table::triple(cells).map(|(short, spoken, ends)| (short, spoken, ends == "yes"))
}
