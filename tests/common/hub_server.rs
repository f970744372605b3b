//! A small Hugging Face hub on 127.0.0.1 that serves one folder as one repository, misbehaves on
//! request and remembers what it was asked for.

// Each test program uses another part of it.
#![allow(dead_code)]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub const REPO: &str = "2Noise/ChatTTS";

/// A request, as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// Without host, as sent.
    pub target: String,
    /// `asset/…`, if the target names a file.
    pub file: Option<String>,
    /// Whether it was for the storage part, `/cdn/…`.
    pub cdn: bool,
    pub headers: HashMap<String, String>,
    pub status: u16,
    /// How many bytes of the body were sent.
    pub sent: usize,
}

impl Request {
    pub fn range(&self) -> Option<&str> {
        self.headers.get("range").map(String::as_str)
    }
}

#[derive(Default)]
struct Behaviour {
    token: Option<String>,
    repo: Option<String>,
    commit: Option<String>,
    /// Where large files are redirected to; this server itself by default.
    cdn: Option<String>,
    relative_redirects: bool,
    ignore_ranges: bool,
    without_length: bool,
    without_commit: bool,
    without_linked_etag: bool,
    etag: Option<String>,
    /// Another hub that every request for a file is sent on to.
    moved_to: Option<String>,
    etags: HashMap<String, String>,
    hidden: Vec<String>,
    corrupt: Vec<String>,
    /// Files that are sent without a length, and then zeros without end.
    endless: Vec<String>,
    /// Files that are sent byte by byte, fifty a second.
    drip: Vec<String>,
    /// File → (bytes after which the connection is cut, how often).
    cut: HashMap<String, (usize, usize)>,
    /// File → (bytes after which nothing more is sent, how often).
    stall: HashMap<String, (usize, usize)>,
    /// File → (status, how often).
    refuse: HashMap<String, (u16, usize)>,
    requests: Vec<Request>,
}

pub struct HubServer {
    address: SocketAddr,
    state: Arc<Mutex<Behaviour>>,
    stop: Arc<AtomicBool>,
}

impl HubServer {
    /// Serves `root`, which holds `asset/…`, as [`REPO`] at any revision.
    pub fn start(root: impl AsRef<Path>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(Behaviour::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let root = root.as_ref().to_path_buf();
        let (shared, stopped) = (state.clone(), stop.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(stream), shared, root) = (stream, shared.clone(), root.clone()) else { continue };
                thread::spawn(move || {
                    // A client that went away is part of the tests.
                    let _ = answer(stream, &root, &shared, address);
                });
            }
        });
        Self { address, state, stop }
    }

    /// What goes into `HF_ENDPOINT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn state(&self) -> MutexGuard<'_, Behaviour> {
        self.state.lock().unwrap()
    }

    /// Answers 401 to requests to the hub part that lack this token.
    pub fn require_token(&self, token: &str) {
        self.state().token = Some(token.into());
    }

    pub fn serve_as(&self, repo: &str) {
        self.state().repo = Some(repo.into());
    }

    pub fn set_commit(&self, commit: &str) {
        self.state().commit = Some(commit.into());
    }

    /// Sends a file without its length, and then zeros until nobody takes them any more.
    pub fn endless(&self, file: &str) {
        self.state().endless.push(file.into());
    }

    /// Sends a file byte by byte.
    pub fn drip(&self, file: &str) {
        self.state().drip.push(file.into());
    }

    /// Redirects large files to another server.
    pub fn use_cdn(&self, other: &HubServer) {
        self.use_storage(&other.url());
    }

    /// Redirects large files to the server at an address.
    pub fn use_storage(&self, url: &str) {
        self.state().cdn = Some(url.into());
    }

    /// Redirects small files within the server first, as the hub does with files it has cached.
    pub fn redirect_small_files(&self) {
        self.state().relative_redirects = true;
    }

    /// Always sends whole files with status 200.
    pub fn ignore_ranges(&self) {
        self.state().ignore_ranges = true;
    }

    /// Sends small files without a length and without honouring ranges, as some mirrors do.
    pub fn without_length(&self) {
        self.state().without_length = true;
    }

    /// Leaves out x-repo-commit, as a plain file server does.
    pub fn without_commit(&self) {
        self.state().without_commit = true;
    }

    /// Sends every request on to another hub, as some mirrors do.
    pub fn move_to(&self, other: &HubServer) {
        self.state().moved_to = Some(other.url());
    }

    /// Leaves a large file's etag to the storage server.
    pub fn without_linked_etag(&self) {
        self.state().without_linked_etag = true;
    }

    /// Sends this etag for every file.
    pub fn forge_etag(&self, etag: &str) {
        self.state().etag = Some(etag.into());
    }

    /// Answers 404 for the file.
    pub fn hide(&self, file: &str) {
        self.state().hidden.push(file.into());
    }

    /// Flips one bit of the file's body, without telling in its headers.
    pub fn corrupt(&self, file: &str) {
        self.state().corrupt.push(file.into());
    }

    /// Undoes [`Self::corrupt`].
    pub fn heal(&self) {
        self.state().corrupt.clear();
    }

    /// Cuts the connection after so many bytes of the body, so many times.
    pub fn cut(&self, file: &str, bytes: usize, times: usize) {
        self.state().cut.insert(file.into(), (bytes, times));
    }

    /// Sends so many bytes of the body and then nothing for a while, so many times.
    pub fn stall(&self, file: &str, bytes: usize, times: usize) {
        self.state().stall.insert(file.into(), (bytes, times));
    }

    /// Answers with this status, so many times.
    pub fn refuse(&self, file: &str, status: u16, times: usize) {
        self.state().refuse.insert(file.into(), (status, times));
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    pub fn forget_requests(&self) {
        self.state().requests.clear();
    }

    /// The `Range` headers of the requests that were answered with bytes of this file.
    pub fn transfers(&self, file: &str) -> Vec<Option<String>> {
        let state = self.state();
        let of_file = state.requests.iter().filter(|request| request.file.as_deref() == Some(file));
        of_file.filter(|request| request.sent > 0).map(|request| request.range().map(str::to_owned)).collect()
    }
}

impl Drop for HubServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

pub fn sha256_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The etag, and so the blob's name, that the server gives a file.
pub fn etag_of(root: impl AsRef<Path>, file: &str) -> String {
    let hash = sha256_of(&fs::read(root.as_ref().join(file)).unwrap());
    if is_large(file) { hash } else { hash[..40].into() }
}

fn is_large(file: &str) -> bool {
    file.ends_with(".safetensors")
}

fn answer(
    mut stream: TcpStream,
    root: &Path,
    shared: &Mutex<Behaviour>,
    address: SocketAddr,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let Some(first) = lines.next().transpose()? else { return Ok(()) };
    let target = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = HashMap::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }

    let mut state = shared.lock().unwrap();
    let repo = state.repo.clone().unwrap_or_else(|| REPO.into());
    let part = |prefix: &str| target.strip_prefix(prefix).map(str::to_owned);
    let on_cdn = part("/cdn/");
    let on_cache = part("/api/resolve-cache/");
    let on_hub =
        part(&format!("/{repo}/resolve/")).and_then(|rest| rest.split_once('/').map(|(_, f)| f.to_owned()));
    let cdn = on_cdn.is_some();
    let redirected = cdn || on_cache.is_some();
    let file = on_cdn.or(on_cache).or(on_hub);
    let path: Option<PathBuf> = file
        .as_ref()
        .filter(|file| !state.hidden.contains(file))
        .map(|file| root.join(file))
        .filter(|path| path.is_file());

    let mut reply = Reply::new(200);
    let authorised = |token: &String| headers.get("authorization") == Some(&format!("Bearer {token}"));
    let refused = file.as_ref().and_then(|file| take_one(&mut state.refuse, file));
    if let Some(status) = refused {
        reply.status = status;
    } else if !cdn && state.token.as_ref().is_some_and(|token| !authorised(token)) {
        reply.status = 401;
        reply.header("x-error-message", "Invalid username or password.");
    } else if let (Some(other), Some(_)) = (&state.moved_to, &file) {
        reply.status = 308;
        reply.header("location", &format!("{other}{target}"));
        reply.header("etag", "\"of-the-redirect\"");
    } else if let (Some(file), Some(path)) = (&file, path) {
        let mut body = fs::read(path)?;
        let mut etag = state.etags.entry(file.clone()).or_insert_with(|| etag_of(root, file)).clone();
        if let Some(forged) = &state.etag {
            etag.clone_from(forged);
        }
        if !cdn && !state.without_commit {
            reply.header("x-repo-commit", state.commit.as_deref().unwrap_or(COMMIT));
        }
        if is_large(file) && !cdn {
            let storage = state.cdn.clone().unwrap_or_else(|| format!("http://{address}"));
            reply.status = 302;
            reply.header("location", &format!("{storage}/cdn/{file}"));
            if !state.without_linked_etag {
                reply.header("x-linked-etag", &format!("\"{etag}\""));
            }
            reply.header("x-linked-size", &body.len().to_string());
        } else if !redirected && state.relative_redirects {
            reply.status = 307;
            reply.header("location", &format!("/api/resolve-cache/{file}"));
            reply.header("etag", "\"of-the-redirect\"");
        } else {
            // The storage server's own etag is not the file's.
            let etag = if cdn { format!("storage-{}", &etag[..8]) } else { etag };
            reply.header("etag", &format!("\"{etag}\""));
            if state.corrupt.contains(file) {
                let middle = body.len() / 2;
                body[middle] ^= 1;
            }
            reply.endless = state.endless.contains(file);
            reply.drip = state.drip.contains(file);
            reply.length = (!state.without_length || cdn) && !reply.endless;
            let honour = !state.ignore_ranges && reply.length;
            reply.give(body, headers.get("range").filter(|_| honour));
            reply.cut = limit(&mut state.cut, file, reply.body.len());
            reply.stall = limit(&mut state.stall, file, reply.body.len());
        }
    } else {
        reply.status = 404;
        reply.header("x-error-message", "Entry not found");
    }
    let sent = reply.cut.or(reply.stall).unwrap_or(reply.body.len());
    state.requests.push(Request { target, file, cdn, headers, status: reply.status, sent });
    drop(state);
    reply.send(&mut stream)
}

fn take_one(faults: &mut HashMap<String, (u16, usize)>, file: &str) -> Option<u16> {
    let (status, times) = faults.get_mut(file)?;
    *times = times.checked_sub(1)?;
    Some(*status)
}

fn limit(faults: &mut HashMap<String, (usize, usize)>, file: &str, length: usize) -> Option<usize> {
    let (bytes, times) = faults.get_mut(file)?;
    if *bytes >= length {
        return None;
    }
    *times = times.checked_sub(1)?;
    Some(*bytes)
}

struct Reply {
    status: u16,
    headers: String,
    body: Vec<u8>,
    length: bool,
    cut: Option<usize>,
    stall: Option<usize>,
    endless: bool,
    drip: bool,
}

impl Reply {
    fn new(status: u16) -> Self {
        Self {
            status,
            headers: String::new(),
            body: Vec::new(),
            length: true,
            cut: None,
            stall: None,
            endless: false,
            drip: false,
        }
    }

    fn header(&mut self, name: &str, value: &str) {
        write!(self.headers, "{name}: {value}\r\n").unwrap();
    }

    fn give(&mut self, body: Vec<u8>, range: Option<&String>) {
        let Some(range) = range.and_then(|range| range.strip_prefix("bytes=")) else {
            self.body = body;
            return;
        };
        let total = body.len();
        let (first, last) = range.split_once('-').unwrap();
        let first: usize = first.parse().unwrap();
        let end = last.parse::<usize>().map_or(total, |last| total.min(last + 1));
        if first >= total {
            self.status = 416;
            self.header("content-range", &format!("bytes */{total}"));
            return;
        }
        self.status = 206;
        self.header("content-range", &format!("bytes {first}-{}/{total}", end - 1));
        self.body = body[first..end].to_vec();
    }

    fn send(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        write!(stream, "HTTP/1.1 {} .\r\nconnection: close\r\n{}", self.status, self.headers)?;
        if self.length {
            write!(stream, "content-length: {}\r\n", self.body.len())?;
        }
        stream.write_all(b"\r\n")?;
        let end = self.cut.or(self.stall).unwrap_or(self.body.len());
        if self.drip {
            for byte in &self.body {
                stream.write_all(&[*byte])?;
                thread::sleep(Duration::from_millis(20));
            }
            return Ok(());
        }
        stream.write_all(&self.body[..end])?;
        if self.endless {
            // Until whoever reads it goes away.
            loop {
                stream.write_all(&[0; 4096])?;
            }
        }
        stream.flush()?;
        if self.stall.is_some() {
            thread::sleep(Duration::from_secs(5));
        }
        Ok(())
    }
}
