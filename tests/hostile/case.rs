//! One case: a scratch folder, the runs of the program in it, and what must be true after each of them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Lab;
use super::random::Random;
use super::sound;

/// What stands in files and variables that are not the program's to tell.
pub const CANARY: &str = "tr0ub4dor-and-3";
/// What every list of users begins with.
const USERS: &str = "root:x:0:0";
/// The time after which a run counts as one that never ends.
const HANG: Duration = Duration::from_secs(60);
/// The time after which a run that may take long is asked to end.
const PATIENCE: Duration = Duration::from_secs(4);
/// The most memory that a run may hold, in KiB, beside that for its input.
const MOST_MEMORY: i64 = 400 << 10;
/// The most memory that a byte of a text may take, in KiB: each of its digits is a word and a token, for instance.
const MEMORY_PER_BYTE: i64 = 1;
/// The most bytes of a file, of those that no case sets a limit for.
const MOST_BLOCKS: u64 = 128 << 10;
/// The most bytes of an argument that are shown.
const MOST_SHOWN: usize = 400;
/// The most bytes of an output that are kept.
const KEPT: usize = 32 << 20;

#[derive(Clone)]
pub enum Input {
    Nothing,
    Bytes(Vec<u8>),
    Closed,
    /// A folder or a device.
    Place(&'static str),
}

#[derive(Clone, Copy, PartialEq)]
pub enum Output {
    Read,
    Full,
    Closed,
    /// Its reader leaves after so many bytes.
    Head(usize),
}

/// Something that happens while the program runs.
pub type Deed = Box<dyn FnOnce(&Path)>;

/// A run of the program.
pub struct Run {
    pub args: Vec<OsString>,
    pub input: Input,
    pub output: Output,
    pub env: Vec<(&'static str, Option<OsString>)>,
    /// What the shell's `ulimit` sets, by its letters.
    pub limits: Vec<(char, u64)>,
    pub signals: Vec<(Duration, i32)>,
    pub deed: Option<(Duration, Deed)>,
    /// Whether it may take long, and is asked to end then.
    pub is_long: bool,
    /// The bytes of the text that it reads.
    pub text: usize,
    /// The exit codes that it may end with.
    pub codes: Vec<i32>,
    /// Whether standard output is a list of files.
    pub lists: bool,
}

impl Run {
    pub fn new<A: AsRef<OsStr>>(args: &[A]) -> Self {
        Run {
            args: args.iter().map(|arg| arg.as_ref().to_os_string()).collect(),
            input: Input::Nothing,
            output: Output::Read,
            env: Vec::new(),
            limits: Vec::new(),
            signals: Vec::new(),
            deed: None,
            is_long: false,
            text: 0,
            codes: vec![0, 1, 2, 75],
            lists: false,
        }
    }

    pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.args.push(arg.as_ref().to_os_string());
        self
    }

    /// Returns the file that it must make if it ends well, where that is plain.
    fn made(&self) -> Option<&Path> {
        let is_speaking = self.args.first().is_some_and(|arg| arg == "synth" || arg == "decode");
        let at = self.args.iter().position(|arg| arg == "-o" || arg == "--out")?;
        let out = Path::new(self.args.get(at + 1)?);
        let is_plain = out.to_str().is_some_and(|out| !out.starts_with('-'));
        (is_speaking && is_plain && !self.has("--dry-run") && self.deed.is_none()).then_some(out)
    }

    /// Tells whether it is told to write something else than sound to a file of sound, such as a report or a model.
    fn gives_up(&self, path: &Path) -> bool {
        let is_it = |arg: &OsStr| !arg.is_empty() && path.ends_with(Path::new(arg));
        let is_model = self.args.first().is_some_and(|arg| arg == "model");
        self.args.windows(2).any(|pair| (pair[0] == "--report" || is_model) && is_it(&pair[1]))
            || self.args.iter().any(|arg| {
                arg.to_str()
                    .and_then(|arg| arg.strip_prefix("--report="))
                    .is_some_and(|arg| is_it(arg.as_ref()))
            })
    }

    fn has(&self, arg: &str) -> bool {
        self.args.iter().any(|other| other == arg)
    }

    fn limit(&self, letter: char) -> bool {
        self.limits.iter().any(|(other, _)| *other == letter)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Status {
    Code(i32),
    Signal(i32),
}

/// What a run left.
pub struct Ended {
    pub status: Status,
    pub out: Vec<u8>,
    pub err: Vec<u8>,
    pub sent: Vec<i32>,
    /// In KiB.
    pub memory: i64,
    pub took: Duration,
}

impl Ended {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.err).into_owned()
    }

    pub fn code(&self) -> Option<i32> {
        match self.status {
            Status::Code(code) => Some(code),
            Status::Signal(_) => None,
        }
    }
}

pub type Outcome<T = ()> = Result<T, String>;

/// A case with its scratch folder.
pub struct Case<'a> {
    pub random: Random,
    pub lab: &'a Lab,
    pub root: PathBuf,
    user: Option<u32>,
    /// The runs so far, as commands.
    pub commands: Vec<String>,
    /// Files of sound that are not the program's.
    placed: BTreeMap<PathBuf, Vec<u8>>,
    outside: Vec<(PathBuf, Vec<u8>)>,
    /// Whether an earlier run was ended before it could clear away what it had begun.
    is_littered: bool,
}

impl<'a> Case<'a> {
    pub fn new(lab: &'a Lab, number: u64, user: Option<u32>) -> Self {
        let root = lab.folder.path().join(format!("case-{number}"));
        for folder in ["home", "tmp", "work", "outside"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let mut case = Case {
            random: Random::new(lab.seed, number),
            lab,
            root,
            user,
            commands: Vec::new(),
            placed: BTreeMap::new(),
            outside: Vec::new(),
            is_littered: false,
        };
        for name in ["secret.txt", "secret.json", "secret.csv", "secret.toml", "secret.wav", "secret.pt"] {
            case.write(
                format!("../outside/{name}"),
                format!("{CANARY},1\n[{CANARY}]\n{CANARY} = \"{CANARY}\"\n"),
            );
        }
        case.outside = snapshot(&case.root.join("outside"));
        case
    }

    /// Returns the folder in which the program runs.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.work().join(name)
    }

    /// Writes a file below the folder in which the program runs.
    pub fn write(&mut self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes.as_ref()).unwrap();
        self.note(&path);
    }

    /// Copies a file or a folder.
    pub fn copy(&mut self, from: &Path, name: &str) {
        let to = self.path(name);
        match from.is_dir() {
            true => super::common::copy_folder(from, &to),
            false => drop(fs::copy(from, &to).unwrap()),
        }
        self.note(&to);
    }

    /// Remembers that a file of sound is not the program's.
    fn note(&mut self, path: &Path) {
        for path in files(path) {
            if is_sound(&path) {
                self.placed.insert(path.clone(), fs::read(&path).unwrap_or_default());
            }
        }
    }

    /// Makes the program's user the owner of all that lies there.
    fn hand_over(&self) {
        let Some(user) = self.user else { return };
        fn all(path: &Path, user: u32) {
            let _ = std::os::unix::fs::lchown(path, Some(user), Some(user));
            if path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
                for entry in fs::read_dir(path).unwrap().flatten() {
                    all(&entry.path(), user);
                }
            }
        }
        all(&self.root, user);
    }

    /// Runs the program, and checks what must be true after any run.
    pub fn run(&mut self, mut run: Run) -> Outcome<Ended> {
        let (mut command, line) = self.command(&run);
        self.commands.push(line);
        self.hand_over();
        self.lab.count();
        let head = match run.output {
            Output::Head(bytes) => bytes,
            _ => usize::MAX,
        };
        let start = Instant::now();
        #[expect(clippy::zombie_processes, reason = "`wait4` waits for it, which tells its memory too")]
        let mut child = command.spawn().unwrap();
        let pid = child.id() as libc::pid_t;
        if let (Some(mut pipe), Input::Bytes(bytes)) = (child.stdin.take(), run.input.clone()) {
            thread::spawn(move || {
                let _ = pipe.write_all(&bytes);
            });
        }
        let out = child.stdout.take().map(|pipe| thread::spawn(move || drain(pipe, head)));
        let err = child.stderr.take().map(|pipe| thread::spawn(move || drain(pipe, usize::MAX)));
        run.signals.sort_by_key(|(at, _)| *at);
        let mut signals = run.signals.iter().peekable();
        let mut sent = Vec::new();
        let send = |signal: i32, sent: &mut Vec<i32>| {
            // SAFETY: it is our own child, which is not waited for yet.
            unsafe { libc::kill(pid, signal) };
            sent.push(signal);
        };
        let mut deed = run.deed.take();
        // What it had begun may be where it can no longer find it.
        self.is_littered |= deed.is_some();
        let (status, memory) = loop {
            if let Some(ended) = waited(pid) {
                break ended;
            }
            let now = start.elapsed();
            if signals.peek().is_some_and(|(at, _)| now >= *at) {
                let (_, signal) = signals.next().unwrap();
                send(*signal, &mut sent);
            }
            if deed.as_ref().is_some_and(|(at, _)| now >= *at) {
                let (_, deed) = deed.take().unwrap();
                deed(&self.work());
            }
            if run.is_long && now >= PATIENCE && sent.is_empty() {
                send(libc::SIGTERM, &mut sent);
            }
            if now > HANG {
                let stack = fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
                send(libc::SIGKILL, &mut sent);
                while waited(pid).is_none() {
                    thread::sleep(Duration::from_millis(2));
                }
                return Err(format!("does not end in {HANG:?} (waits in {stack:?}, signals {sent:?})"));
            }
            thread::sleep(Duration::from_millis(2));
        };
        let took = start.elapsed();
        // What it started itself, if anything.
        // SAFETY: the group was made for this child.
        unsafe { libc::kill(-pid, libc::SIGKILL) };
        let read = |thread: Option<thread::JoinHandle<Vec<u8>>>| {
            thread.map(|t| t.join().unwrap()).unwrap_or_default()
        };
        let ended = Ended { status, out: read(out), err: read(err), sent, memory, took };
        self.lab.measure(&ended);
        self.check(&run, &ended).map_err(|what| {
            let (out, err) = (shown(&ended.out), shown(&ended.err));
            format!("{what}\n  {:?} after {:?}, {} KiB, signals {:?}\n  standard error: {err}\n  standard output: {out}",
                ended.status, ended.took, ended.memory, ended.sent)
        })?;
        Ok(ended)
    }

    /// Returns the command of a run, and how it is written in a shell.
    fn command(&self, run: &Run) -> (Command, String) {
        let mut limits = run.limits.clone();
        if !run.limit('f') {
            limits.push(('f', MOST_BLOCKS));
        }
        if !run.limit('v') {
            limits.push(('v', 8 << 20));
        }
        limits.push(('t', HANG.as_secs() * 4));
        limits.push(('c', 0));
        let mut script: String =
            limits.iter().map(|(letter, value)| format!("ulimit -{letter} {value}; ")).collect();
        let closed = [(matches!(run.input, Input::Closed), "<&- "), (run.output == Output::Closed, ">&- ")];
        script.push_str("exec \"$0\" \"$@\" ");
        script.extend(closed.iter().filter(|(is_closed, _)| *is_closed).map(|(_, how)| *how));
        let mut env: Vec<(&str, OsString)> = vec![
            ("PATH", "/usr/bin:/bin".into()),
            ("HOME", self.root.join("home").into()),
            ("TMPDIR", self.root.join("tmp").into()),
            ("HF_ENDPOINT", "http://127.0.0.1:9".into()),
            ("NO_PROXY", "127.0.0.1".into()),
            ("HF_TOKEN", CANARY.into()),
            ("SECRET", CANARY.into()),
        ];
        for (name, value) in &run.env {
            env.retain(|(other, _)| other != name);
            env.extend(value.clone().map(|value| (*name, value)));
        }
        let line = format!(
            "cd {} && env -i {} bash -c {} {} {}",
            quoted(self.work().as_os_str()),
            env.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect::<Vec<_>>().join(" "),
            quoted(OsStr::new(&script)),
            quoted(self.lab.program.as_os_str()),
            run.args.iter().map(|arg| quoted(arg)).collect::<Vec<_>>().join(" "),
        );
        let mut command = Command::new("/bin/bash");
        command.arg("-c").arg(script).arg(&self.lab.program).args(&run.args);
        command.env_clear().envs(env).current_dir(self.work()).process_group(0);
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command.stdin(match &run.input {
            Input::Bytes(_) => Stdio::piped(),
            Input::Place(place) => File::open(place).unwrap().into(),
            Input::Nothing | Input::Closed => Stdio::null(),
        });
        command.stdout(match run.output {
            Output::Full => fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into(),
            Output::Closed => Stdio::null(),
            Output::Read | Output::Head(_) => Stdio::piped(),
        });
        command.stderr(Stdio::piped());
        (command, line)
    }

    fn check(&mut self, run: &Run, ended: &Ended) -> Outcome {
        let err = ended.text();
        let is_short = run.limit('v') || run.limit('u') || run.limit('n');
        // The ends that the C library and the standard library have where they get no memory for a thread.
        let foreign = [
            "Fatal glibc error",
            "failed to allocate an alternative stack",
            "while loading shared libraries",
        ];
        if is_short && (foreign.iter().any(|end| err.contains(end)) || err.contains("bash: ")) {
            self.lab.note_foreign();
            self.is_littered = true;
            return Ok(());
        }
        let was_sent = |signal: i32| ended.sent.contains(&signal);
        let is_ending = [libc::SIGHUP, libc::SIGINT, libc::SIGTERM]
            .into_iter()
            .find(|signal| was_sent(*signal) && ended.status == Status::Code(128 + signal));
        // Before the program watches for signals, they do what they do to any.
        let is_killed = matches!(ended.status, Status::Signal(signal) if was_sent(signal));
        let is_code = ended.code().is_some_and(|code| run.codes.contains(&code));
        if !is_code && is_ending.is_none() && !is_killed {
            return Err(format!("ends with {:?}, which is none of {:?}", ended.status, run.codes));
        }
        for word in ["panicked at", "RUST_BACKTRACE", "internal error", "stack overflow"] {
            if err.contains(word) {
                return Err(format!("says {word:?}"));
            }
        }
        if matches!(ended.status, Status::Code(1 | 2))
            && err.trim().is_empty()
            && !run.has("-q")
            && !run.has("--quiet")
        {
            return Err("fails without a word".into());
        }
        let most = MOST_MEMORY + MEMORY_PER_BYTE * run.text as i64;
        if ended.memory > most {
            return Err(format!("holds {} KiB of memory, more than {most}", ended.memory));
        }
        // The shell's words about a language that it does not know are its own.
        let own: Vec<&[u8]> = ended
            .err
            .split_inclusive(|b| *b == b'\n')
            .filter(|line| !line.starts_with(b"/bin/bash: "))
            .collect();
        if let Some(raw) = raw(&own.concat()) {
            return Err(format!("gives {raw} to the terminal"));
        }
        for canary in [CANARY, USERS] {
            if err.contains(canary) || contains(&ended.out, canary.as_bytes()) {
                return Err(format!("tells {canary}"));
            }
        }
        self.check_files(run, ended, &err)
    }

    fn check_files(&mut self, run: &Run, ended: &Ended, err: &str) -> Outcome {
        let now = snapshot(&self.root.join("outside"));
        if now != self.outside {
            // What a flag names is written where it says.
            let is_named = |path: &Path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                run.args.iter().any(|arg| arg.to_string_lossy().ends_with(&format!("../outside/{name}")))
            };
            let others = |files: &[(PathBuf, Vec<u8>)]| -> Vec<(PathBuf, Vec<u8>)> {
                files.iter().filter(|(path, _)| !is_named(path)).cloned().collect()
            };
            if others(&now) != others(&self.outside) {
                return Err("changes files outside its folder".into());
            }
            self.outside = now;
        }
        let all = files(&self.root);
        for path in &all {
            let bytes = fs::read(path).unwrap_or_default();
            if is_sound(path)
                && path.starts_with(self.work())
                && !run.gives_up(path)
                && self.placed.get(path) != Some(&bytes)
            {
                sound::check(path, &bytes).map_err(|what| format!("{} {what}", path.display()))?;
            }
            let is_text = ["jsonl", "json", "srt", "vtt", "toml"]
                .iter()
                .any(|e| path.extension().is_some_and(|x| x == *e));
            if is_text && path.starts_with(self.work().join("made")) && contains(&bytes, CANARY.as_bytes()) {
                return Err(format!("{} tells {CANARY}", path.display()));
            }
        }
        let is_cut = err.contains("out of memory: the system") || err.contains("can no longer be read");
        let is_orderly = matches!(ended.status, Status::Code(0..=2)) && ended.sent.is_empty() && !is_cut;
        if !is_orderly {
            self.is_littered = true;
            return Ok(());
        }
        let is_left = |path: &&PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".part") && name.starts_with(".chattts-")
                || [".packing-", ".asset-", ".tmp"].iter().any(|start| name.starts_with(start))
        };
        let in_tmp = |path: &&PathBuf| path.starts_with(self.root.join("tmp"));
        if let Some(left) =
            all.iter().find(|path| is_left(path) || in_tmp(path)).filter(|_| !self.is_littered)
        {
            return Err(format!("leaves {}", left.display()));
        }
        if ended.status == Status::Code(0)
            && let Some(out) = run.made()
            && !fs::metadata(self.work().join(out)).is_ok_and(|meta| !meta.is_file() || meta.len() > 0)
        {
            return Err(format!("calls it done and does not make {}", out.display()));
        }
        if ended.status == Status::Code(0) && run.lists && run.output == Output::Read {
            for line in ended.out.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
                let path = self.work().join(OsStr::from_bytes(line));
                if !fs::metadata(&path).is_ok_and(|meta| !meta.is_file() || meta.len() > 0) {
                    return Err(format!("lists {} and does not make it", path.display()));
                }
            }
        }
        Ok(())
    }

    /// Returns the file's bytes by name, of all that a run makes in a folder but its own notes.
    pub fn made(&self, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let root = self.path(folder);
        let own = root.join(".chattts-rs");
        let all = files(&root).into_iter().filter(|path| !path.starts_with(&own));
        all.map(|path| (path.strip_prefix(&root).unwrap().to_path_buf(), fs::read(&path).unwrap_or_default()))
            .collect()
    }
}

/// Waits for a child without stopping; returns how it ended, and the most memory that it held, in KiB.
fn waited(pid: libc::pid_t) -> Option<(Status, i64)> {
    let mut status = 0;
    // SAFETY: zeros are a value of it.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both places outlast the call.
    let ended = unsafe { libc::wait4(pid, &mut status, libc::WNOHANG, &mut usage) };
    if ended != pid {
        return None;
    }
    let status = match libc::WIFSIGNALED(status) {
        true => Status::Signal(libc::WTERMSIG(status)),
        false => Status::Code(libc::WEXITSTATUS(status)),
    };
    Some((status, usage.ru_maxrss))
}

fn drain(mut pipe: impl Read, head: usize) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut block = [0; 1 << 14];
    while kept.len() < head {
        match pipe.read(&mut block) {
            Ok(0) | Err(_) => break,
            Ok(count) if kept.len() < KEPT => kept.extend_from_slice(&block[..count]),
            Ok(_) => {}
        }
    }
    kept
}

/// Returns the first character that a terminal would act on, if there is one.
fn raw(err: &[u8]) -> Option<String> {
    let Ok(text) = std::str::from_utf8(err) else { return Some("bytes that are no UTF-8".into()) };
    let acts = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().find(|c| acts(*c)).map(|c| format!("{c:?}"))
}

pub fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn is_sound(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "wav" || ending == "flac")
}

/// Returns all regular files below a place, without following links.
fn files(path: &Path) -> Vec<PathBuf> {
    let Ok(meta) = path.symlink_metadata() else { return Vec::new() };
    if meta.is_file() {
        return vec![path.to_path_buf()];
    }
    if !meta.is_dir() {
        return Vec::new();
    }
    let entries = fs::read_dir(path).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    let mut entries: Vec<PathBuf> = entries.unwrap_or_default();
    entries.sort();
    entries.iter().flat_map(|path| files(path)).collect()
}

fn snapshot(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files(folder).into_iter().map(|path| (path.clone(), fs::read(path).unwrap_or_default())).collect()
}

/// Returns the beginning of an output, in one line.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(1500)]).into_owned();
    format!("{text:?}{}", if bytes.len() > 1500 { " …" } else { "" })
}

/// Returns an argument as bash reads it; a long one is cut.
fn quoted(arg: &OsStr) -> String {
    let bytes = arg.as_bytes();
    let is_plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_./:=,%+@".contains(b);
    if !bytes.is_empty() && bytes.iter().all(is_plain) {
        return arg.to_string_lossy().into_owned();
    }
    let mut text = String::from("$'");
    for byte in bytes.iter().take(MOST_SHOWN) {
        match byte {
            b'\'' | b'\\' => text.extend(['\\', *byte as char]),
            b' '..=b'~' => text.push(*byte as char),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push_str(if bytes.len() > MOST_SHOWN { "…'" } else { "'" });
    text
}
