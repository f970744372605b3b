//! Names of the lines' files: one for every line, and no two alike.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::name::{beside, check, fit, fold};
use super::template::{NameFields, NameTemplate};
use crate::error::{Error, Result};

/// Gives every line's file a name that no other line has. Two names that differ only in case or in the spelling
/// of accents count as one, because some file systems take them for one.
///
/// Names depend only on the order of the lines. Lines that name their own file should go first: a name made
/// from the template can give way, one that was asked for cannot.
#[derive(Clone, Debug)]
pub struct Names {
    template: NameTemplate,
    /// Folded file names, and the line that took each.
    files: HashMap<String, String>,
    /// Folded folders, and the line that first wrote into each.
    folders: HashMap<String, String>,
    /// The number with which the next line of a folded name is tried.
    next: HashMap<String, usize>,
    parents: BTreeSet<PathBuf>,
    /// The extension of a file that goes with every line's, if there is one.
    beside: Option<&'static str>,
}

impl Names {
    /// Makes a register in which no line has a name yet.
    pub fn new(template: NameTemplate) -> Self {
        Names {
            template,
            files: HashMap::new(),
            folders: HashMap::new(),
            next: HashMap::new(),
            parents: BTreeSet::new(),
            beside: None,
        }
    }

    /// Keeps the name [beside](super::beside) every line's free too, for subtitles of this extension.
    pub fn with_beside(mut self, extension: &'static str) -> Self {
        self.beside = Some(extension);
        self
    }

    /// Keeps a name from the lines, because the run writes something else there; `what` says what, for messages.
    pub fn reserve(&mut self, name: &str, what: &str) {
        self.claim(name, what);
    }

    /// Names a line's file by the template; the second line of a name gets `-2` before the extension, the third
    /// `-3`. `line` says where the line stands, for messages.
    pub fn name(&mut self, fields: &NameFields, line: &str) -> PathBuf {
        let name = self.free(&self.template.name(fields));
        self.take(&name, line)
    }

    /// Takes the name that a line asks for, if [`super::checked_out`] accepts it.
    ///
    /// # Errors
    /// [`Error::Parameter`] if it leads out of the folder, or if another line has it; that line is named.
    pub fn explicit(&mut self, out: &str, line: &str) -> Result<PathBuf> {
        let name = check(out).map_err(|reason| Error::parameter("out", reason))?;
        if let Some(reason) = self.clash(&name) {
            return Err(Error::parameter("out", format!("{name}: {reason}")));
        }
        if let Some(beside) = self.beside_of(&name)
            && let Some(reason) = self.clash(&beside)
        {
            return Err(Error::parameter("out", format!("{name}: its subtitles, {beside}: {reason}")));
        }
        Ok(self.take(&name, line))
    }

    /// Returns the reason why a name cannot be a new file, if there is one.
    fn clash(&self, name: &str) -> Option<String> {
        let folded = fold(name);
        if let Some(first) = self.files.get(&folded) {
            return Some(format!("already the file of {first}"));
        }
        if let Some(first) = self.folders.get(&folded) {
            return Some(format!("already a folder, into which {first} writes"));
        }
        ancestors(&folded).find_map(|folder| {
            let first = self.files.get(folder)?;
            Some(format!("`{folder}` is already the file of {first}, so it cannot be a folder"))
        })
    }

    fn beside_of(&self, name: &str) -> Option<String> {
        Some(beside(Path::new(name), self.beside?).to_string_lossy().into_owned())
    }

    /// Returns the folders of all names, relative to the output folder, which itself is the empty path.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.parents.iter().map(PathBuf::as_path)
    }

    /// Returns the rendered name, in which every component that would meet another line's file has a number.
    fn free(&mut self, rendered: &str) -> String {
        let mut parts = rendered.split('/').peekable();
        let mut path = String::new();
        while let Some(part) = parts.next() {
            let at = |part: &str| if path.is_empty() { part.to_string() } else { format!("{path}/{part}") };
            let wanted = at(part);
            path = match parts.peek() {
                Some(_) => self.folder(wanted, |number| at(&fit(part, &format!("-{number}")))),
                None => self.file(wanted, |number| at(&fit(part, &format!("-{number}")))),
            };
        }
        path
    }

    fn folder(&self, wanted: String, numbered: impl Fn(usize) -> String) -> String {
        let mut path = wanted;
        let mut number = 2;
        while self.files.contains_key(&fold(&path)) {
            path = numbered(number);
            number += 1;
        }
        path
    }

    fn file(&mut self, wanted: String, numbered: impl Fn(usize) -> String) -> String {
        let folded = fold(&wanted);
        let has = |name: &str| {
            let name = fold(name);
            self.files.contains_key(&name) || self.folders.contains_key(&name)
        };
        let is_taken = |name: &str| has(name) || self.beside_of(name).is_some_and(|beside| has(&beside));
        if !is_taken(&wanted) {
            return wanted;
        }
        // Remembered, lest a hundred thousand lines of one name try each other's numbers.
        let mut next = self.next.get(&folded).copied().unwrap_or(2);
        let path = loop {
            let path = numbered(next);
            next += 1;
            if !is_taken(&path) {
                break path;
            }
        };
        self.next.insert(folded, next);
        path
    }

    fn take(&mut self, name: &str, line: &str) -> PathBuf {
        self.claim(name, line);
        if let Some(beside) = self.beside_of(name) {
            self.claim(&beside, line);
        }
        let path = PathBuf::from(name);
        let parent = path.parent().unwrap_or(Path::new(""));
        if !self.parents.contains(parent) {
            self.parents.insert(parent.to_path_buf());
        }
        path
    }

    fn claim(&mut self, name: &str, line: &str) {
        let folded = fold(name);
        for folder in ancestors(&folded) {
            if !self.folders.contains_key(folder) {
                self.folders.insert(folder.to_string(), line.to_string());
            }
        }
        self.files.insert(folded, line.to_string());
    }
}

/// Returns the folders above a name, `a` and `a/b` of `a/b/c`.
fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(at, _)| &name[..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn names(template: &str) -> Names {
        Names::new(template.parse().unwrap())
    }

    fn id(id: &str) -> NameFields<'_> {
        NameFields { index: 0, id: Some(id), seed: 0, role: None, key: "", text: "" }
    }

    fn path(name: &str) -> PathBuf {
        PathBuf::from(name)
    }

    #[test]
    fn a_second_line_of_a_name_gets_a_number_whatever_its_case() {
        let mut names = names("{id}.wav");
        let ids = ["a", "a-2", "A", "a", "b", "é", "E\u{301}"];
        let found: Vec<PathBuf> = ids.iter().map(|i| names.name(&id(i), "x")).collect();
        let expected = ["a.wav", "a-2.wav", "A-3.wav", "a-4.wav", "b.wav", "é.wav", "E\u{301}-2.wav"];
        assert_eq!(found, expected.map(path));
    }

    #[test]
    fn an_explicit_name_has_one_line_and_the_error_names_it() {
        let mut names = names("{id}.wav");
        assert_eq!(names.explicit("./x/a.wav", "f:1").unwrap(), path("x/a.wav"));
        for (out, reason) in [
            ("x/A.WAV", "already the file of f:1"),
            ("X", "a folder, into which f:1 writes"),
            ("x/a.wav/b.wav", "already the file of f:1, so"),
            ("../a.wav", "leads out"),
        ] {
            let error = names.explicit(out, "f:2").unwrap_err().to_string();
            assert!(error.starts_with("out: ") && error.contains(reason), "{error}");
        }
        assert_eq!(names.explicit("x/b.wav", "f:2").unwrap(), path("x/b.wav"));
    }

    #[test]
    fn a_name_by_the_template_gives_way_to_files_and_folders() {
        let mut names = names("{role}/{id}");
        names.explicit("r", "f:1").unwrap();
        names.explicit("s/x/y.wav", "f:2").unwrap();
        let of = |role, i| NameFields { role: Some(role), ..id(i) };
        assert_eq!(names.name(&of("r", "1"), "f:3"), path("r-2/1"));
        assert_eq!(names.name(&of("r", "2"), "f:4"), path("r-2/2"));
        assert_eq!(names.name(&of("s", "X"), "f:5"), path("s/X-2"));
        let folders: Vec<&Path> = names.folders().collect();
        assert_eq!(folders, ["", "r-2", "s", "s/x"].map(Path::new));
    }

    #[test]
    fn subtitles_and_other_files_of_the_run_have_their_names_to_themselves() {
        let mut names = names("{id}").with_beside("srt");
        names.reserve("log/report.jsonl", "--report");
        assert_eq!(names.explicit("a.wav", "f:1").unwrap(), path("a.wav"));
        for (out, reason) in [
            ("a.flac", "its subtitles, a.srt: already the file of f:1"),
            ("A.SRT", "already the file of f:1"),
            ("log/Report.jsonl", "already the file of --report"),
            ("log", "already a folder, into which --report writes"),
            ("log/report.jsonl/x", "`log/report.jsonl` is already the file of --report"),
        ] {
            let error = names.explicit(out, "f:2").unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert_eq!(names.explicit("b.srt", "f:3").unwrap(), path("b.srt"));
        assert_eq!(names.name(&id("a.flac"), "f:4"), path("a-2.flac"));
        assert_eq!(names.name(&id("b.srt.srt"), "f:5"), path("b.srt-2.srt"));
        assert_eq!(names.name(&id("v1.2"), "f:6"), path("v1.2"));
        assert_eq!(names.name(&id("v1.3"), "f:7"), path("v1.3"));
    }

    #[test]
    fn a_number_fits_where_the_name_is_as_long_as_can_be() {
        let mut names = names("{id}{text}.wav");
        let long = "说".repeat(100);
        let fields = NameFields { text: &long, ..id(&long) };
        let mut seen = HashSet::new();
        for _ in 0..12 {
            let name = names.name(&fields, "x");
            let name = name.to_str().unwrap();
            assert_eq!(check(name).as_deref(), Ok(name));
            assert!(seen.insert(fold(name)));
        }
    }

    #[test]
    fn a_hundred_thousand_lines_of_one_name_all_get_one_at_once() {
        let mut names = names("{text}.wav");
        let start = std::time::Instant::now();
        let last = (0..100_000).map(|_| names.name(&NameFields { text: "hi", ..id("") }, "x")).last();
        assert_eq!(last, Some(path("hi-100000.wav")));
        assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    }
}
