//! Requests of an object store, and what its answers mean.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path as Location;
use object_store::{
    Error as StoreError, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, UpdateVersion,
};

use crate::error::{Error, Result};

/// The size above which an object is put in parts, and of the parts.
const PART: usize = 8 << 20;
/// The requests of one kind that are made at a time.
const AT_A_TIME: usize = 32;
/// The time for which a conditional put is made again, and before each time.
const AGAIN_FOR: Duration = Duration::from_secs(10);
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// The requests by which a machine of Amazon's, Google's or Microsoft's asks for credentials of its own.
const OWN_CREDENTIALS: [&str; 3] = ["/latest/api/token", "/computeMetadata/", "/metadata/identity/"];

/// The objects of a store whose names begin with a prefix.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    /// The address of all, for messages.
    address: String,
    /// Set once the store was given up, after which it is not asked again: each request would take its time.
    is_lost: Arc<AtomicBool>,
}

impl Objects {
    pub(super) fn new(store: Arc<dyn ObjectStore>, address: &str, prefix: &str) -> Result<Self> {
        let (address, prefix) = (address.trim_end_matches('/'), prefix.trim_matches('/'));
        let objects =
            Objects { store, prefix: prefix.into(), address: address.into(), is_lost: Arc::default() };
        match Location::parse(prefix) {
            Ok(_) => Ok(objects),
            Err(error) => Err(Error::parameter("place", format!("{address}: {error}"))),
        }
    }

    /// Returns the address of an object, or of all.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        match name.is_empty() {
            true => PathBuf::from(&self.address),
            false => PathBuf::from(format!("{}/{name}", self.address)),
        }
    }

    fn at(&self, name: &str) -> object_store::Result<Location> {
        if self.is_lost.load(Ordering::Relaxed) {
            return Err(StoreError::Generic { store: "", source: "it was given up before".into() });
        }
        let whole = match (self.prefix.is_empty(), name.is_empty()) {
            (true, _) => name.to_string(),
            (false, true) => self.prefix.clone(),
            (false, false) => format!("{}/{name}", self.prefix),
        };
        Ok(Location::parse(whole)?)
    }

    /// Makes an error of the store's, after which it is given up if it does not answer.
    fn failed(&self, action: &'static str, name: &str) -> impl Fn(StoreError) -> Error {
        move |error| {
            let error = self.error(action, name, &error);
            let is_lost =
                matches!(&error, Error::Io { reason, .. } if reason.kind() == ErrorKind::NotConnected);
            self.is_lost.fetch_or(is_lost, Ordering::Relaxed);
            error
        }
    }

    fn error(&self, action: &'static str, name: &str, error: &StoreError) -> Error {
        let (kind, reason) = meaning(error);
        Error::Io { action, path: self.path(name), reason: io::Error::new(kind, reason) }
    }

    /// Reads an object; None if there is none.
    pub(super) async fn get(&self, name: &str) -> Result<Option<(Vec<u8>, ObjectMeta)>> {
        let failed = self.failed("read", name);
        let found = match self.store.get(&self.at(name).map_err(&failed)?).await {
            Err(error) if is_absent(&error) => return Ok(None),
            found => found.map_err(&failed)?,
        };
        let meta = found.meta.clone();
        Ok(Some((found.bytes().await.map_err(&failed)?.to_vec(), meta)))
    }

    /// Reads many objects; those that are gone are left out.
    pub(super) async fn get_all(&self, names: &[String]) -> Result<Vec<Vec<u8>>> {
        let found = stream::iter(names).map(|name| self.get(name)).buffered(AT_A_TIME);
        found.try_filter_map(async |found| Ok(found.map(|(bytes, _)| bytes))).try_collect().await
    }

    /// Tells when an object was written last, by the store's clock, in seconds since 1970.
    pub(super) async fn time(&self, name: &str) -> Result<i64> {
        let failed = self.failed("read", name);
        let meta = self.store.head(&self.at(name).map_err(&failed)?).await.map_err(&failed)?;
        Ok(meta.last_modified.timestamp())
    }

    /// Puts an object, whole or not at all; returns what the store calls its bytes.
    pub(super) async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<Option<String>> {
        if bytes.len() > PART {
            return self.put_parts(name, bytes.chunks(PART).map(|part| Ok(part.to_vec()))).await;
        }
        let failed = self.failed("write", name);
        let put = self.store.put(&self.at(name).map_err(&failed)?, bytes.into()).await;
        Ok(put.map_err(&failed)?.e_tag)
    }

    /// Does what [`Objects::put`] does with the bytes of a file.
    pub(super) async fn put_file(&self, name: &str, path: &Path) -> Result<Option<String>> {
        let failed = Error::io("read", path);
        let mut file = File::open(path).map_err(failed)?;
        let mut next = move || {
            let mut part = Vec::with_capacity(PART);
            file.by_ref().take(PART as u64).read_to_end(&mut part).map(|_| part)
        };
        let first = next().map_err(Error::io("read", path))?;
        if first.len() < PART {
            return self.put(name, first).await;
        }
        let mut first = Some(first);
        let parts = std::iter::from_fn(|| {
            let part = first.take().map_or_else(&mut next, Ok);
            part.map(|part| Some(part).filter(|part| !part.is_empty())).transpose()
        });
        self.put_parts(name, parts).await
    }

    async fn put_parts(
        &self,
        name: &str,
        parts: impl Iterator<Item = io::Result<Vec<u8>>>,
    ) -> Result<Option<String>> {
        let failed = self.failed("write", name);
        let mut upload = self.store.put_multipart(&self.at(name).map_err(&failed)?).await.map_err(&failed)?;
        for part in parts {
            let put = match part {
                Ok(part) => upload.put_part(part.into()).await.map_err(&failed),
                Err(error) => Err(Error::io("read", &self.path(name))(error)),
            };
            if let Err(error) = put {
                // Left to the bucket's own rules for parts, if that fails too.
                let _ = upload.abort().await;
                return Err(error);
            }
        }
        Ok(upload.complete().await.map_err(&failed)?.e_tag)
    }

    /// Puts an object if there is none, or in place of the version that was read; None if another one is there.
    pub(super) async fn put_if(
        &self,
        name: &str,
        bytes: Vec<u8>,
        version: Option<UpdateVersion>,
    ) -> Result<Option<UpdateVersion>> {
        let location = self.at(name).map_err(|error| self.error("lock", name, &error))?;
        let begun = Instant::now();
        loop {
            let mode = version.clone().map_or(PutMode::Create, PutMode::Update);
            let options = PutOptions { mode, ..PutOptions::default() };
            match self.store.put_opts(&location, bytes.clone().into(), options).await {
                Ok(put) => return Ok(Some(put.into())),
                Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => return Ok(None),
                // Not made again by the client, which does not know whether it was heard. Whoever asks knows its own.
                Err(StoreError::Generic { .. }) if begun.elapsed() < AGAIN_FOR => {
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
                // The lock's renewal has another chance.
                Err(error) => return Err(self.error("lock", name, &error)),
            }
        }
    }

    /// Removes objects; those that are gone already are no error.
    pub(super) async fn delete(&self, names: &[String]) -> Result<()> {
        let delete = async |name: &String| {
            let failed = self.failed("delete", name);
            match self.store.delete(&self.at(name).map_err(&failed)?).await {
                Err(error) if !is_absent(&error) => Err(failed(error)),
                _ => Ok(()),
            }
        };
        stream::iter(names).map(delete).buffer_unordered(AT_A_TIME).try_collect().await
    }

    /// Lists the objects whose names begin with a folder's, or all.
    pub(super) async fn list(&self, folder: &str) -> Result<Vec<(String, ObjectMeta)>> {
        let failed = self.failed("list", folder);
        let under = self.at(folder).map_err(&failed)?;
        let listed = self.store.list(Some(&under)).map_err(&failed);
        let begin = if self.prefix.is_empty() { String::new() } else { format!("{}/", self.prefix) };
        let named = listed.try_filter_map(async |meta: ObjectMeta| {
            let name = meta.location.as_ref().strip_prefix(&begin).map(str::to_string);
            Ok(name.map(|name| (name, meta)))
        });
        named.try_collect().await
    }

    /// Tells whether there is an object whose name begins with a folder's.
    pub(super) async fn has_any(&self, folder: &str) -> Result<bool> {
        let failed = self.failed("list", folder);
        let under = self.at(folder).map_err(&failed)?;
        let first = self.store.list(Some(&under)).next().await;
        Ok(first.transpose().map_err(&failed)?.is_some())
    }
}

/// Tells whether an object is not there; a bucket that is not there is another matter.
fn is_absent(error: &StoreError) -> bool {
    matches!(error, StoreError::NotFound { .. }) && !error.to_string().contains("NoSuchBucket")
}

/// Says what an error of a store comes to, for the program and for whoever reads it.
fn meaning(error: &StoreError) -> (ErrorKind, String) {
    let words = error.to_string();
    // The store's own words, of an answer that is XML.
    let told = |tag: &str| {
        let (_, rest) = words.split_once(&format!("<{tag}>"))?;
        Some(rest.split_once(&format!("</{tag}>"))?.0.trim().to_string())
    };
    let said = match (told("Code"), told("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => words.clone(),
    };
    match error {
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => (
            ErrorKind::PermissionDenied,
            format!("the store refuses it ({said}); look at its credentials in the environment"),
        ),
        _ if OWN_CREDENTIALS.iter().any(|path| words.contains(path)) => (
            ErrorKind::PermissionDenied,
            "no credentials are in the environment, and this machine has none of its own".into(),
        ),
        StoreError::NotFound { .. } if words.contains("NoSuchBucket") => {
            (ErrorKind::NotFound, "there is no such bucket".into())
        }
        StoreError::NotFound { .. } => (ErrorKind::NotFound, "there is no such object".into()),
        StoreError::NotImplemented { .. } | StoreError::NotSupported { .. } => (ErrorKind::Unsupported, said),
        StoreError::InvalidPath { .. } => (ErrorKind::InvalidInput, said),
        _ if is_own_fault(&words) => (ErrorKind::InvalidInput, said),
        _ => (ErrorKind::NotConnected, format!("the store does not do it, asked again and again: {said}")),
    }
}

/// Tells by its words whether the store found fault with a request, which asked again would meet the same.
fn is_own_fault(words: &str) -> bool {
    let status = words.split_once("status code: ").and_then(|(_, rest)| rest.get(..3)?.parse::<u16>().ok());
    status.is_some_and(|status| (400..500).contains(&status) && ![408, 429].contains(&status))
}
