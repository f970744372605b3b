//! Downloads one file from the hub into the cache, continuing where an earlier attempt ended.
//!
//! hf-hub's own downloader is not used: as of 0.5 it asks for compressed ranges, which makes the hub
//! leave out the Content-Range that it insists on (huggingface/hf-hub#141, #144), panics on some
//! answers, sends the token to redirect targets and waits for a silent server for ever. The cache's
//! layout, its `.part` files and its locks are hf-hub's.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ureq::http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, RANGE};
use ureq::http::{Response, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::answer::{Identity, content_range, header, is_private, origin, printable, redirect_of};
use super::cache::{CachedRepo, link};
use super::certificates::certificates;
use super::{HubConfig, Transfer, is_sha256, sha256};
use crate::error::Error;

const MAX_HOPS: usize = 10;
const MAX_WAIT: Duration = Duration::from_secs(30);
const LOCK_POLL: Duration = Duration::from_millis(250);
const CHUNK: usize = 128 * 1024;
/// The most bytes of a file whose size the server does not tell; the largest published one has less than 1 GB.
const MOST: u64 = 4 << 30;
/// The time after which the first attempt to reach a server is given up, so that a user soon hears that it does not
/// answer; the others may take as long as it may stay silent.
const SOON: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 5000 });
/// Bytes a second below which a server is left.
const LEAST_RATE: f64 = 1024.0;

/// The reason why a file could not be fetched.
pub(super) enum Failure {
    /// No answer at all.
    Connect(String),
    /// The server's certificate is not to be trusted.
    Untrusted(String),
    /// An HTTP status that is not a success, with the hub's message.
    Status(StatusCode, Option<String>),
    /// The transfer broke off.
    Transfer(String),
    /// The server sends so slowly that the file would never be here.
    Slow(String),
    /// What came is not what the server announced.
    Damaged(String),
    /// The server does not answer as a hub does.
    Answer(String),
    /// This machine's own fault: a full disk, a cache that cannot be written.
    Local(Error),
}

impl Failure {
    fn may_pass(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Transfer(_) | Self::Slow(_) => true,
            Self::Status(status, _) => {
                status.is_server_error()
                    || matches!(*status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
            }
            Self::Untrusted(_) | Self::Answer(_) | Self::Damaged(_) | Self::Local(_) => false,
        }
    }

    pub(super) fn reason(&self) -> String {
        match self {
            Self::Connect(reason)
            | Self::Untrusted(reason)
            | Self::Transfer(reason)
            | Self::Slow(reason)
            | Self::Damaged(reason)
            | Self::Answer(reason) => reason.clone(),
            Self::Status(status, None) => format!("HTTP status {}", status.as_u16()),
            Self::Status(status, Some(detail)) => format!("HTTP status {} ({detail})", status.as_u16()),
            Self::Local(error) => error.to_string(),
        }
    }
}

/// A file that was fetched.
pub(super) struct Fetched {
    pub path: PathBuf,
}

/// The position of a file among those to fetch.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub index: usize,
    pub count: usize,
}

/// Fetches files of one repository.
pub(super) struct Downloader<'a> {
    config: &'a HubConfig,
    repo: &'a CachedRepo,
    agent: Agent,
    /// The token that is sent, unless anybody on the way could read it.
    token: Option<&'a str>,
    /// Whether the server was ever reached; until then there is at most one retry.
    reached: bool,
    /// The time that the server has to answer.
    patience: Duration,
    on_event: &'a mut dyn FnMut(Transfer<'_>),
}

impl<'a> Downloader<'a> {
    /// Makes a downloader.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::BadFile`] if the certificates that it must trust cannot be read.
    pub(super) fn new(
        config: &'a HubConfig,
        repo: &'a CachedRepo,
        on_event: &'a mut dyn FnMut(Transfer<'_>),
    ) -> Result<Self, Error> {
        let tls = match certificates(config)? {
            Some(certificates) => {
                TlsConfig::builder().root_certs(RootCerts::new_with_certs(&certificates)).build()
            }
            None => TlsConfig::default(),
        };
        let token = config.token.as_deref().filter(|_| is_private(&config.endpoint));
        if config.token.is_some() && token.is_none() {
            on_event(Transfer::Warning(format!(
                "the token (HF_TOKEN) is not sent to {}, where others could read it on the way; name an address with \
                 https://",
                config.endpoint
            )));
        }
        let agent = Agent::config_builder()
            .tls_config(tls)
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .timeout_per_read(Some(config.stall))
            .build()
            .new_agent();
        Ok(Self { config, repo, agent, token, reached: false, patience: SOON.min(config.stall), on_event })
    }

    /// Connects by other means than the network.
    #[cfg(fuzzing)]
    pub(super) fn connect_by(
        &mut self,
        connector: impl ureq::unversioned::transport::Connector,
        resolver: impl ureq::unversioned::resolver::Resolver,
    ) {
        self.agent = Agent::with_parts(self.agent.config().clone(), connector, resolver);
    }

    pub(super) fn event(&mut self, event: Transfer<'_>) {
        (self.on_event)(event);
    }

    /// Fetches one file; after a passing failure it tries again from where the file ends.
    pub(super) fn fetch(&mut self, file: &str, place: Place) -> Result<Fetched, Failure> {
        let mut progress = Progress { file, place, announced: false, furthest: 0 };
        let mut wait = self.config.retry_wait;
        let mut failures = 0;
        loop {
            let before = progress.furthest;
            let failure = match self.attempt(&mut progress) {
                Ok(fetched) => {
                    self.event(Transfer::Finished { file });
                    return Ok(fetched);
                }
                Err(failure) => failure,
            };
            self.patience = self.config.stall;
            if progress.furthest > before && !matches!(failure, Failure::Slow(_)) {
                failures = 0;
                wait = self.config.retry_wait;
            }
            let retries = if self.reached { self.config.retries } else { self.config.retries.min(1) };
            if !failure.may_pass() || failures >= retries {
                return Err(failure);
            }
            self.event(Transfer::Retrying { file, reason: failure.reason(), wait });
            std::thread::sleep(wait);
            failures += 1;
            wait = (wait * 2).min(MAX_WAIT);
        }
    }

    fn attempt(&mut self, progress: &mut Progress<'_>) -> Result<Fetched, Failure> {
        let mut url = self.repo.url(&self.config.endpoint, progress.file);
        let mut identity = Identity::default();
        let mut target: Option<Target> = None;
        for _ in 0..MAX_HOPS {
            let resume = target.as_ref().map_or(0, |target| target.here);
            let answer = self.get(&url, resume)?;
            let status = answer.status();
            let redirect = status.is_redirection().then(|| redirect_of(&url, &answer)).transpose()?;
            let expected = status.is_success()
                || redirect.is_some()
                || (resume > 0 && status == StatusCode::RANGE_NOT_SATISFIABLE);
            if !expected {
                return Err(Failure::Status(status, header(&answer, "x-error-message").map(printable)));
            }
            identity.absorb(&answer, redirect.as_ref());

            if target.is_none() && (redirect.is_none() || identity.is_known()) {
                match self.prepare(&identity, progress)? {
                    Prepared::Here(fetched) => return Ok(fetched),
                    Prepared::Wanted(wanted) => target = Some(wanted),
                }
            }
            if let Some(next) = redirect {
                url = next.url;
                continue;
            }
            let Some(wanted) = target.take() else { continue };
            if wanted.here > resume {
                target = Some(wanted);
                continue;
            }
            return self.receive(answer, wanted, identity.size, progress);
        }
        Err(Failure::Answer("the server redirects without end".into()))
    }

    fn get(&mut self, url: &str, resume: u64) -> Result<Response<Body>, Failure> {
        let mut request = self.agent.get(url).header(ACCEPT_ENCODING, "identity");
        if let Some(token) = self.token
            && origin(url) == origin(&self.config.endpoint)
        {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if resume > 0 {
            request = request.header(RANGE, format!("bytes={resume}-"));
        }
        let request = request
            .config()
            .timeout_resolve(Some(self.patience))
            .timeout_connect(Some(self.patience))
            .timeout_recv_response(Some(self.patience))
            .build();
        // The look-up of a name starts a thread, and panics where there is none.
        let thread = std::thread::Builder::new().spawn(|| ());
        let _ = thread.map_err(|error| Failure::Local(Error::Threads(error)))?.join();
        let answer = request.call().map_err(|error| match error {
            ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::InvalidProxyUrl => {
                Failure::Answer(format!("cannot ask for {url}: {error}"))
            }
            error => match said(error) {
                reason if reason.contains("certificate") => Failure::Untrusted(format!(
                    "{reason}; SSL_CERT_FILE or SSL_CERT_DIR names the authorities to trust, where a network has its own"
                )),
                reason => Failure::Connect(reason),
            },
        })?;
        self.reached = true;
        self.patience = self.config.stall;
        Ok(answer)
    }

    /// Finds out how much of the file is here: all of it, or the part from which a transfer continues.
    fn prepare(&mut self, identity: &Identity, progress: &mut Progress<'_>) -> Result<Prepared, Failure> {
        let (commit, etag) = identity.names()?;
        let blob = self.repo.blob(etag);
        let part = blob.with_extension("part");
        let pointer = self.repo.snapshot(commit).join(progress.file);
        let complete = |path: &Path| {
            fs::metadata(path)
                .is_ok_and(|meta| meta.is_file() && identity.size.is_none_or(|size| meta.len() == size))
        };
        // A blob of right length that is not what its name says is what a user was told to delete.
        let sound = |path: &Path| is_sha256(etag) && sha256(path).is_ok_and(|found| found == etag);

        let lock = self.lock(&blob, progress.file)?;
        let mut wanted = Target {
            blob,
            part,
            pointer,
            commit: commit.to_owned(),
            etag: etag.to_owned(),
            here: 0,
            _lock: lock,
        };
        if complete(&wanted.pointer) {
            self.repo.set_ref(commit).map_err(Failure::Local)?;
            return Ok(Prepared::Here(wanted.fetched()));
        }
        if complete(&wanted.blob) && sound(&wanted.blob) {
            return self.keep(wanted).map(Prepared::Here);
        }
        let here = fs::metadata(&wanted.part).map_or(0, |meta| meta.len());
        match identity.size {
            Some(size) if here == size && here > 0 && sound(&wanted.part) => {
                fs::rename(&wanted.part, &wanted.blob)
                    .map_err(|error| Failure::Local(Error::io("write", &wanted.blob)(error)))?;
                return self.keep(wanted).map(Prepared::Here);
            }
            // Nothing that a server could add makes this part right.
            Some(size) if here >= size => {}
            _ => wanted.here = here,
        }
        Ok(Prepared::Wanted(wanted))
    }

    fn receive(
        &mut self,
        answer: Response<Body>,
        target: Target,
        size: Option<u64>,
        progress: &mut Progress<'_>,
    ) -> Result<Fetched, Failure> {
        let file = progress.file;
        let part = target.part.clone();
        let local = |error: io::Error| Failure::Local(Error::io("write", &part)(error));
        if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            fs::remove_file(&part).map_err(local)?;
            return Err(Failure::Transfer(
                "the server has less of the file than is here; starting again".into(),
            ));
        }
        if header(&answer, CONTENT_ENCODING.as_str()).is_some_and(|encoding| encoding != "identity") {
            return Err(Failure::Answer("the server compressed the file although asked not to".into()));
        }
        // A server that ignores the range sends the file from its start.
        let start = if answer.status() == StatusCode::PARTIAL_CONTENT { target.here } else { 0 };
        if start > 0 && content_range(&answer).is_some_and(|(first, _)| first != start) {
            fs::remove_file(&part).map_err(local)?;
            return Err(Failure::Transfer("the server sent another range than it was asked for".into()));
        }

        let mut out =
            OpenOptions::new().create(true).truncate(false).write(true).open(&part).map_err(local)?;
        out.set_len(start).map_err(local)?;
        out.seek(SeekFrom::Start(start)).map_err(local)?;
        if !progress.announced {
            progress.announced = true;
            let Place { index, count } = progress.place;
            self.event(Transfer::Started { file, bytes: size, index, count });
        }
        self.event(Transfer::Advanced { file, position: start });

        let mut body = answer.into_body().into_reader();
        let mut pace = Pace { since: Instant::now(), bytes: 0 };
        let mut buffer = vec![0; CHUNK];
        let mut position = start;
        loop {
            let read = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(broken_off(position, size, &error.to_string())),
            };
            position += read as u64;
            // Neither a server that never ends nor one that hardly begins is waited for.
            if position > size.unwrap_or(MOST) {
                out.set_len(0).map_err(local)?;
                let announced = match size {
                    Some(size) => format!("{size} were announced"),
                    None => format!("none were announced and at most {MOST} are taken"),
                };
                return Err(Failure::Transfer(format!("{position} bytes came where {announced}")));
            }
            out.write_all(&buffer[..read]).map_err(local)?;
            if pace.is_slow(read, self.config.stall) {
                progress.furthest = progress.furthest.max(position);
                let of = size.map_or(String::new(), |size| format!(" of {size}"));
                return Err(Failure::Slow(format!(
                    "the server is too slow: less than {LEAST_RATE} bytes a second, after {position}{of}"
                )));
            }
            progress.furthest = progress.furthest.max(position);
            self.event(Transfer::Advanced { file, position });
        }
        match size {
            Some(size) if position < size => {
                return Err(broken_off(position, Some(size), "the connection was closed"));
            }
            _ => {}
        }
        out.sync_all().map_err(local)?;
        drop(out);
        if is_sha256(&target.etag) {
            let found = sha256(&part).map_err(local)?;
            if !found.eq_ignore_ascii_case(&target.etag) {
                fs::remove_file(&part).map_err(local)?;
                return Err(Failure::Damaged(format!(
                    "it was damaged in transfer and is not kept: its sha256 is {found}, the server announced {}; try \
                     again, or another server",
                    target.etag
                )));
            }
        }
        fs::rename(&part, &target.blob).map_err(local)?;
        self.keep(target)
    }

    /// Puts a complete blob into its commit's snapshot.
    fn keep(&self, target: Target) -> Result<Fetched, Failure> {
        link(&target.blob, &target.pointer)
            .map_err(|error| Failure::Local(Error::io("create", &target.pointer)(error)))?;
        self.repo.set_ref(&target.commit).map_err(Failure::Local)?;
        Ok(target.fetched())
    }

    /// Waits until no other program downloads this blob. Dropping the file releases the lock.
    fn lock(&mut self, blob: &Path, file: &str) -> Result<File, Failure> {
        let path = blob.with_extension("lock");
        let local = |error: io::Error| Failure::Local(Error::io("create", &path)(error));
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(local)?;
        }
        let lock = File::create(&path).map_err(local)?;
        let mut told = false;
        while let Err(TryLockError::WouldBlock) = lock.try_lock() {
            if !told {
                told = true;
                self.event(Transfer::Waiting { file });
            }
            std::thread::sleep(LOCK_POLL);
        }
        // Any other error: a file system without locks, where going on is all that can be done.
        Ok(lock)
    }
}

/// Measures how fast a server sends.
struct Pace {
    since: Instant,
    bytes: u64,
}

impl Pace {
    /// Counts bytes; returns true if they were too few over a window of time.
    fn is_slow(&mut self, bytes: usize, window: Duration) -> bool {
        self.bytes += bytes as u64;
        let time = self.since.elapsed();
        if time < window {
            return false;
        }
        let is_slow = (self.bytes as f64) < LEAST_RATE * time.as_secs_f64();
        *self = Pace { since: Instant::now(), bytes: 0 };
        is_slow
    }
}

struct Progress<'a> {
    file: &'a str,
    place: Place,
    announced: bool,
    /// The most bytes that have ever arrived, so that a server which starts over cannot cause endless retries.
    furthest: u64,
}

struct Target {
    blob: PathBuf,
    part: PathBuf,
    pointer: PathBuf,
    commit: String,
    etag: String,
    /// Bytes of the part file to keep.
    here: u64,
    _lock: File,
}

impl Target {
    fn fetched(self) -> Fetched {
        Fetched { path: self.pointer }
    }
}

enum Prepared {
    Here(Fetched),
    Wanted(Target),
}

/// Returns the words of an error, of the system's where it is the system's.
fn said(error: ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}

fn broken_off(position: u64, size: Option<u64>, reason: &str) -> Failure {
    let of = size.map_or(String::new(), |size| format!(" of {size}"));
    Failure::Transfer(format!("broken off after {position}{of} bytes: {reason}"))
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;
