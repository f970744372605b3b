//! Lets a fuzzer give the answers of a server; compiled for it alone.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

use super::answer::origin;
use super::cache::CachedRepo;
use super::download::{Downloader, Place};
use super::not_found::refusal;
use super::{GPT_CONFIG, HubConfig, ModelSource};
use crate::error::Result;

const REPO: &str = "someone/tiny";

/// Downloads a small file of a model from a server that gives these answers, the next one on each connection, and
/// then none. Returns where the file is.
///
/// # Errors
/// Those of a download.
///
/// # Panics
/// If the token is sent anywhere but to the endpoint.
pub fn fetch(config: &HubConfig, answers: Vec<Vec<u8>>) -> Result<PathBuf> {
    let source = ModelSource::hub(REPO);
    let repo = CachedRepo::new(&config.cache, REPO, "main");
    let mut ignore = |_: super::Transfer<'_>| {};
    let mut downloader = Downloader::new(config, &repo, &mut ignore)?;
    let server = Server {
        answers: Arc::new(Mutex::new(answers.into())),
        token: config.token.clone().unwrap_or_default(),
        endpoint: config.endpoint.clone(),
    };
    downloader.connect_by(server, Nowhere);
    let fetched = downloader.fetch(GPT_CONFIG, Place { index: 0, count: 1 });
    fetched.map(|fetched| fetched.path).map_err(|failure| refusal(&source, config, GPT_CONFIG, failure))
}

#[derive(Debug)]
struct Server {
    answers: Arc<Mutex<VecDeque<Vec<u8>>>>,
    token: String,
    endpoint: String,
}

impl Connector for Server {
    type Out = Wire;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Wire>, ureq::Error> {
        let answer = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let answer = answer.ok_or_else(|| ureq::Error::Io(std::io::ErrorKind::ConnectionRefused.into()))?;
        let is_endpoint = origin(&details.uri.to_string()) == origin(&self.endpoint);
        Ok(Some(Wire {
            buffers: LazyBuffers::new(
                details.config.input_buffer_size(),
                details.config.output_buffer_size(),
            ),
            answer,
            given: 0,
            forbidden: (!is_endpoint).then(|| self.token.clone()),
        }))
    }
}

struct Wire {
    buffers: LazyBuffers,
    answer: Vec<u8>,
    given: usize,
    /// What must not be sent.
    forbidden: Option<String>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Transport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let sent = String::from_utf8_lossy(&self.buffers.output()[..amount]).into_owned();
        let leaks = self.forbidden.as_ref().is_some_and(|token| sent.contains(token.as_str()));
        assert!(!leaks, "the token is sent to another server");
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        let rest = &self.answer[self.given..];
        let room = self.buffers.input_append_buf();
        let count = rest.len().min(room.len());
        room[..count].copy_from_slice(&rest[..count]);
        self.buffers.input_appended(count);
        self.given += count;
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        false
    }
}

/// Resolves every name to one address, to which nothing is sent.
#[derive(Debug)]
struct Nowhere;

impl Resolver for Nowhere {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(([127, 0, 0, 1], 9).into());
        Ok(addresses)
    }
}
