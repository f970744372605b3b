//! Names with signs in them, of things that programmers and shoppers know.

use crate::text::Language;
use crate::text::normalize::rule::Found;

pub const NAME: &str = concat!(
    r"(?:C\+\+|c\+\+|[A-GJcf]#|\.(?:NET|Net|net)|ASP\.NET|VB\.NET|Wi-?Fi|wi-?fi|WI-?FI|Hi-Fi|Sci-Fi|sci-fi|",
    r"AT&T|R&D|Q&A|R&B|B&B|M&A|P&L|S&P|H&M|P&G|D&D|A&E|T&C|J&J|Notepad\+\+|Disney\+|TCP/IP|I/O|A/C|N/A|n/a|TL;DR|",
    r"PhDs?|VMware|pH|e-?mail|E-?mail|[A-Z]\+|W3C)",
);

/// Names as they are written, in Chinese and in English.
const NAMES: &[(&str, &str, &str)] = &[
    ("C++", "C加加", "C plus plus"),
    ("c++", "C加加", "C plus plus"),
    ("C#", "C sharp", "C sharp"),
    ("c#", "C sharp", "C sharp"),
    ("F#", "F sharp", "F sharp"),
    ("f#", "F sharp", "F sharp"),
    ("J#", "J sharp", "J sharp"),
    ("j#", "J sharp", "J sharp"),
    (".NET", "点net", "dot net"),
    (".Net", "点net", "dot net"),
    (".net", "点net", "dot net"),
    ("ASP.NET", "A S P点net", "A S P dot net"),
    ("VB.NET", "V B点net", "V B dot net"),
    ("WiFi", "WiFi", "WiFi"),
    ("Wi-Fi", "WiFi", "WiFi"),
    ("Wifi", "WiFi", "WiFi"),
    ("Wi-fi", "WiFi", "WiFi"),
    ("wifi", "WiFi", "WiFi"),
    ("wi-fi", "WiFi", "WiFi"),
    ("WIFI", "WiFi", "WiFi"),
    ("WI-FI", "WiFi", "WiFi"),
    ("Hi-Fi", "Hi Fi", "Hi Fi"),
    ("Sci-Fi", "Sci Fi", "Sci Fi"),
    ("sci-fi", "sci fi", "sci fi"),
    ("AT&T", "A T and T", "A T and T"),
    ("TCP/IP", "T C P I P", "T C P I P"),
    ("I/O", "I O", "I O"),
    ("A/C", "A C", "A C"),
    ("N/A", "N A", "N A"),
    ("n/a", "N A", "N A"),
    ("Notepad++", "Notepad加加", "Notepad plus plus"),
    ("Disney+", "Disney加", "Disney plus"),
    ("PhD", "P H D", "P H D"),
    ("PhDs", "P H Ds", "P H Ds"),
    ("pH", "P H", "P H"),
    ("VMware", "V M ware", "V M ware"),
    ("TL;DR", "T L D R", "T L D R"),
    ("W3C", "W三C", "W three C"),
    ("e-mail", "email", "email"),
    ("E-mail", "Email", "Email"),
];

pub fn name(found: &Found) -> Option<String> {
    let (name, language) = (found.all(), found.language());
    if !found.stands_alone() || found.next().is_some_and(|c| "+#&@".contains(c)) {
        return None;
    }
    if let Some((_, chinese, english)) = NAMES.iter().find(|(written, ..)| *written == name) {
        return Some(if language == Language::Chinese { chinese } else { english }.to_string());
    }
    let plus = if language == Language::Chinese { "加" } else { " plus" };
    if let Some(letter) = name.strip_suffix('+') {
        // It may be a group of blood.
        let typed = ["type ", "Type ", "group "].iter().any(|word| found.before().ends_with(word));
        if language == Language::English && (typed || found.after().starts_with(" blood")) {
            return Some(format!("{letter} positive"));
        }
        return found.next().is_none_or(|c| !c.is_ascii_digit()).then(|| format!("{letter}{plus}"));
    }
    if let Some(letter) = name.strip_suffix('#') {
        return Some(format!("{letter} sharp"));
    }
    let (before, after) = name.split_once('&')?;
    Some(format!("{before} and {after}"))
}

#[cfg(test)]
mod tests {
    use crate::text::normalize::latin::testing::{check, chinese, english};

    #[test]
    fn names_with_signs_are_read() {
        check(
            english,
            &[
                ("C++ and C#", "C plus plus and C sharp"),
                ("F#", "F sharp"),
                ("A# minor", "A sharp minor"),
                (".NET Core", "dot net Core"),
                ("R&D", "R and D"),
                ("Q&A", "Q and A"),
                ("AT&T", "A T and T"),
                ("Wi-Fi", "WiFi"),
                ("TCP/IP", "T C P I P"),
                ("She got an A+.", "She got an A plus."),
                ("TL;DR: no", "T L D R, no"),
                ("PhD student", "P H D student"),
                ("Send an e-mail", "Send an email"),
            ],
        );
        check(
            chinese,
            &[
                ("学C++和C#", "学C加加和C sharp"),
                ("公司的R&D部门", "公司的R and D部门"),
                ("连上Wi-Fi", "连上WiFi"),
                ("得了A+的成绩", "得了A加的成绩"),
            ],
        );
    }
}
