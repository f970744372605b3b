//! Roman numerals.

use super::context::{STARTERS, is_capitalized, next_word, previous_word};
use super::number::{cardinal, ordinal, year};
use crate::text::normalize::rule::{Found, Rule};

pub const RULES: &[Rule] = &[
    Rule {
        name: "roman numeral",
        pattern: r"(?P<roman>[IVXLCDM]{1,15})(?:[-–](?P<to>[IVXL]{1,8}))?",
        read: roman,
    },
    Rule {
        name: "roman numeral",
        pattern: r"(?P<roman>[ivxl]{1,8})(?:[-–](?P<to>[ivxl]{1,8}))?",
        read: small,
    },
];

/// Words before a numeral that counts, in small letters.
const COUNTED: &[&str] = &[
    "chapter",
    "ch",
    "fig",
    "sec",
    "pt",
    "art",
    "ep",
    "op",
    "chapters",
    "part",
    "parts",
    "act",
    "scene",
    "volume",
    "volumes",
    "vol",
    "book",
    "books",
    "section",
    "sections",
    "article",
    "articles",
    "title",
    "phase",
    "stage",
    "type",
    "class",
    "level",
    "grade",
    "unit",
    "figure",
    "table",
    "appendix",
    "canto",
    "verse",
    "step",
    "group",
    "division",
    "tier",
    "category",
    "schedule",
    "round",
    "mark",
    "mk",
    "war",
    "wars",
    "types",
    "phases",
    "acts",
    "fantasy",
    "gta",
    "auto",
    "fallout",
    "iphone",
    "bowl",
    "episode",
    "season",
    "apollo",
    "gemini",
    "saturn",
    "soyuz",
    "titan",
    "factor",
    "corps",
    "vatican",
    "lesson",
    "exhibit",
    "amendment",
    "pentium",
    "number",
    "no",
    "page",
    "pages",
    "theorem",
    "lemma",
    "sonata",
    "symphony",
    "movement",
    "wrestlemania",
    "annex",
    "paragraph",
    "clause",
    "question",
    "problem",
    "exercise",
    "plate",
    "map",
    "topic",
    "module",
    "panel",
];

/// Names before a numeral that tells their bearers apart.
const RULERS: &[&str] = &[
    "Henry",
    "Malcolm",
    "Louis",
    "Charles",
    "George",
    "Edward",
    "William",
    "James",
    "Richard",
    "Elizabeth",
    "Mary",
    "Philip",
    "Philippe",
    "Peter",
    "Catherine",
    "Nicholas",
    "Alexander",
    "Ivan",
    "Frederick",
    "Wilhelm",
    "Napoleon",
    "Pius",
    "Benedict",
    "Paul",
    "Gregory",
    "Innocent",
    "Leo",
    "Clement",
    "Urban",
    "Ferdinand",
    "Francis",
    "Franz",
    "Christian",
    "Gustav",
    "Ramesses",
    "Ramses",
    "Rameses",
    "Thutmose",
    "Amenhotep",
    "Ptolemy",
    "Cleopatra",
    "Darius",
    "Xerxes",
    "Harald",
    "Haakon",
    "Olaf",
    "Leopold",
    "Albert",
    "Rudolf",
    "Otto",
    "Sigismund",
    "Maximilian",
    "Joseph",
    "Umberto",
    "Emmanuel",
    "Carlos",
    "Felipe",
    "Alfonso",
    "Juan",
    "Pedro",
    "Margrethe",
    "Rainier",
    "Constantine",
    "Justinian",
    "Theodosius",
    "Mehmed",
    "Selim",
    "Murad",
    "Suleiman",
    "Hamid",
    "John",
    "Robert",
    "David",
    "Kenneth",
    "Michael",
    "Stephen",
    "Boniface",
    "Celestine",
    "Sixtus",
    "Julius",
    "Adrian",
    "Hadrian",
    "Eugene",
    "Isabella",
    "Christina",
    "Rama",
    "Hussein",
    "Abdullah",
    "Hassan",
    "Mohammed",
    "Menelik",
    "Casimir",
    "Vladislaus",
    "Anne",
    "Anna",
    "Thomas",
    "Seti",
    "Artaxerxes",
    "Antiochus",
    "Mithridates",
    "Akihito",
    "Haile",
    "Baldwin",
    "Conrad",
    "Henri",
    "Karl",
    "Friedrich",
];

const TITLES: &[&str] = &[
    "King",
    "Queen",
    "Pope",
    "Emperor",
    "Empress",
    "Tsar",
    "Czar",
    "Sultan",
    "Prince",
    "Princess",
    "Pharaoh",
    "Kaiser",
    "Duke",
    "Saint",
    "Patriarch",
    "Shah",
    "Mr",
    "Dr",
];

/// Words after `I` when it is the speaker.
const VERBS: &[&str] =
    &["am", "think", "know", "have", "do", "love", "want", "need", "m", "ve", "ll", "d", "don", "mean"];

fn roman(found: &Found) -> Option<String> {
    let numeral = found.get("roman");
    if !found.stands_alone() || found.previous().is_some_and(|c| c == '&') || found.next() == Some('&') {
        return None;
    }
    let value = value(numeral)?;
    let digits = value.to_string();
    let before = found.before();
    // "Vol. II".
    let dotted = before.strip_suffix(". ").filter(|_| !before.ends_with(".. "));
    let word = dotted.map_or(previous_word(before), |rest| {
        let word = rest.rsplit(' ').next().unwrap_or_default();
        let short = word.to_ascii_lowercase();
        if COUNTED.contains(&&*short) && (short != "no" || found.all() != "I") { word } else { "" }
    });
    let next = if found.next() == Some(' ') { next_word(found.after()) } else { "" };
    if next == "century" || next == "centuries" {
        return ordinal(&digits);
    }
    let plain = numeral.bytes().all(|b| b"IVX".contains(&b));
    let known = is_counted(word) && value < 90 && (numeral != "I" || is_capitalized(word));
    let speaker = numeral == "I" && VERBS.contains(&next.split('\'').next().unwrap_or_default());
    if known && !speaker || goes_on_counting(before) {
        return counted(found, value);
    }
    if found.has("to") {
        return None;
    }
    let earlier = before.trim_end().strip_suffix(word).map(previous_word).unwrap_or_default();
    let ruler = RULERS.contains(&word)
        || is_capitalized(word)
            && (TITLES.contains(&earlier) || RULERS.contains(&earlier) && numeral.len() > 1);
    if ruler && (word, numeral) != ("Malcolm", "X") && plain && value < 40 && !speaker {
        return ordinal(&digits).map(|ordinal| format!("the {ordinal}"));
    }
    if numeral.len() < 2 {
        return None;
    }
    if word.eq_ignore_ascii_case("the") {
        return (plain && value < 100 && numeral != "IV").then(|| ordinal(&digits))?;
    }
    if plain && value < 40 && is_capitalized(word) && !STARTERS.contains(&word) && word.len() > 1 {
        return cardinal(&digits);
    }
    let alone =
        matches!(numeral, "II" | "IX") || numeral.len() > 2 && plain && numeral != "XXX" && value < 50;
    if alone && !is_capitalized(word) {
        return cardinal(&digits);
    }
    let long = numeral.len() > 4 || numeral.len() == 4 && value > 2000;
    (long && (1500..2100).contains(&value)).then(|| year(&digits))?
}

/// Reads `chapter iv`, but never `i` or a word.
fn small(found: &Found) -> Option<String> {
    let numeral = found.get("roman");
    if !found.stands_alone() || numeral == "i" {
        return None;
    }
    let value = value(&numeral.to_ascii_uppercase())?;
    let word = previous_word(found.before()).to_ascii_lowercase();
    if numeral.len() > 1 && value < 40 && RULERS.iter().any(|ruler| ruler.eq_ignore_ascii_case(&word)) {
        return ordinal(&value.to_string()).map(|ordinal| format!("the {ordinal}"));
    }
    (COUNTED.contains(&&*word) && value < 50).then(|| counted(found, value))?
}

/// Reads one number, or the two of `IV-VI`.
fn counted(found: &Found, from: u32) -> Option<String> {
    let spoken = cardinal(&from.to_string())?;
    if !found.has("to") {
        return Some(spoken);
    }
    let to = value(&found.get("to").to_ascii_uppercase())?;
    Some(format!("{spoken} to {}", cardinal(&to.to_string())?))
}

/// Tells whether `before` ends with numerals that are counted and go on: `chapters IV to`, `chapters II, III
/// and`.
fn goes_on_counting(before: &str) -> bool {
    let mut rest = before;
    for _ in 0..4 {
        let links = [", and ", " and ", " to ", ", ", " or ", " & "];
        let Some(head) = links.iter().find_map(|link| rest.strip_suffix(link)) else { return false };
        let numeral = head.rsplit(' ').next().unwrap_or_default();
        rest = head.strip_suffix(numeral).unwrap_or_default();
        if value(numeral).is_none() {
            return false;
        }
        if is_counted(previous_word(rest)) {
            return true;
        }
    }
    false
}

/// Tells whether numerals count what the word means, of which there may be many.
fn is_counted(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    COUNTED.contains(&&*word) || word.strip_suffix('s').is_some_and(|one| COUNTED.contains(&one))
}

/// Returns the value of a numeral that is written the one right way.
fn value(numeral: &str) -> Option<u32> {
    const PARTS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut rest = numeral;
    let mut value = 0;
    for (worth, letters) in PARTS {
        let mut times = 0;
        while let Some(after) = rest.strip_prefix(letters) {
            (value, rest, times) = (value + worth, after, times + 1);
            if times > 3 || times > 1 && (letters.len() > 1 || "DLV".contains(letters)) {
                return None;
            }
        }
    }
    (rest.is_empty() && value > 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use crate::text::normalize::latin::testing::{check, english};

    #[test]
    fn numerals_are_numbers_where_they_count() {
        check(
            english,
            &[
                ("World War II", "World War two"),
                ("World War I began", "World War one began"),
                ("Henry VIII", "Henry the eighth"),
                ("Henry VIII's wives", "Henry the eighths wives"),
                ("Chapter IV", "Chapter four"),
                ("chapter iv", "chapter four"),
                ("Vol. II", "volume two"),
                ("Ch. IV and Fig. V", "chapter four and figure five"),
                ("Part III", "Part three"),
                ("Louis XIV was king", "Louis the fourteenth was king"),
                ("Super Bowl XLVIII", "Super Bowl forty eight"),
                ("Queen Elizabeth II", "Queen Elizabeth the second"),
                ("Elizabeth I was queen", "Elizabeth the first was queen"),
                ("Pope John Paul II", "Pope John Paul the second"),
                ("Rocky IV", "Rocky four"),
                ("Final Fantasy VII", "Final Fantasy seven"),
                ("the XIX century", "the nineteenth century"),
                ("the XXI Olympiad", "the twenty first Olympiad"),
                ("Act V, Scene II", "Act five, Scene two"),
                ("Type II diabetes", "Type two diabetes"),
                ("Sections II, III and IV", "Sections two, three and four"),
                ("Amendments I–X", "Amendments one to ten"),
                ("Chapters IV and V", "Chapters four and five"),
                ("Chapter Ⅷ", "Chapter eight"),
                ("World Wars I and II", "World Wars one and two"),
                ("GTA V", "G T A five"),
                ("Pages ii-iv", "Pages two to four"),
                ("Chapters IV–VI", "Chapters four to six"),
                ("king henry viii", "king henry the eighth"),
                ("Apollo XI", "Apollo eleven"),
                ("John Smith III", "John Smith the third"),
                ("Malcolm III of Scotland", "Malcolm the third of Scotland"),
                ("XVI", "sixteen"),
                ("MCMXCIX", "nineteen ninety nine"),
                ("MMXX", "twenty twenty"),
            ],
        );
    }

    #[test]
    fn other_words_are_no_numerals() {
        check(
            english,
            &[
                ("I am here", "I am here"),
                ("The part I like", "The part I like"),
                ("MIX it", "MIX it"),
                ("a CD", "a C D"),
                ("DI", "D I"),
                ("the vi editor", "the vi editor"),
                ("an IV drip", "an I V drip"),
                ("The IV was placed", "The I V was placed"),
                ("Malcolm X", "Malcolm X"),
                ("Vitamin C", "Vitamin C"),
                ("size XL", "size X L"),
                ("LCD", "L C D"),
                ("livid civic", "livid civic"),
                ("Plan D", "Plan D"),
                ("mild mix", "mild mix"),
            ],
        );
    }
}
