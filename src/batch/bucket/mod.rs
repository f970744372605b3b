//! Buckets of object stores as output places: Amazon S3 and what speaks as it does, Google Cloud Storage, Azure.

mod lease;
mod locked;
mod objects;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use tokio::runtime::Runtime;

use self::locked::Locked;
use self::objects::Objects;
use super::store::{Backing, Place, in_state};
use super::{STATE_DIR, Shard};
use crate::error::{Error, Result};

/// The time after which a request is not tried again.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most times that a request is tried again, which come by chance at least a tenth of a second apart.
const RETRIES: usize = 100;

/// The objects of a bucket whose names begin with a prefix.
#[derive(Debug)]
pub(super) struct Bucket {
    objects: Objects,
    /// Runs requests while the threads that ask for them go on.
    runtime: Runtime,
}

impl Bucket {
    /// Makes the place of an address such as `s3://bucket/prefix`. Credentials are those of the environment.
    pub(super) fn open(address: &str) -> Result<Self> {
        let wrong = |reason: String| Error::parameter("place", format!("{address}: {reason}"));
        let (scheme, rest) = address.split_once("://").unwrap_or_default();
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(wrong(format!("no bucket is named; write {scheme}://BUCKET/PREFIX")));
        }
        // Whoever uses the library may have chosen one already.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let store: object_store::Result<Arc<dyn ObjectStore>> = match scheme {
            "s3" => AmazonS3Builder::from_env()
                .with_bucket_name(bucket)
                .with_retry(retry())
                .build()
                .map(|store| Arc::new(store) as _),
            "gs" => GoogleCloudStorageBuilder::from_env()
                .with_bucket_name(bucket)
                .with_retry(retry())
                .build()
                .map(|store| Arc::new(store) as _),
            "az" => MicrosoftAzureBuilder::from_env()
                .with_container_name(bucket)
                .with_retry(retry())
                .build()
                .map(|store| Arc::new(store) as _),
            _ => return Err(wrong(format!("{scheme} is no object store; s3, gs and az are known"))),
        };
        Bucket::of(store.map_err(|error| wrong(error.to_string()))?, address, prefix)
    }

    /// Makes the place of a prefix of a store, which messages call by its address.
    pub(super) fn of(store: Arc<dyn ObjectStore>, address: &str, prefix: &str) -> Result<Self> {
        // The requests wait for the network; one thread is enough for all.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("object store")
            .enable_all()
            .build()
            .map_err(Error::Threads)?;
        Ok(Bucket { objects: Objects::new(store, address, prefix)?, runtime })
    }
}

fn retry() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: RETRIES, retry_timeout: PATIENCE }
}

impl Place for Bucket {
    fn path(&self, name: &str) -> PathBuf {
        self.objects.path(name)
    }

    fn folder(&self) -> Option<&Path> {
        None
    }

    fn lock(self: Arc<Self>, shard: Option<Shard>) -> Result<Box<dyn Backing>> {
        Ok(Box::new(Locked::new(self, shard)?))
    }

    fn is_held(&self, shard: Shard) -> bool {
        self.runtime.block_on(lease::is_held(&self.objects, shard))
    }

    fn has_state(&self) -> Result<bool> {
        self.runtime.block_on(self.objects.has_any(STATE_DIR))
    }

    fn state(&self) -> Result<Vec<(String, SystemTime)>> {
        let listed = self.runtime.block_on(self.objects.list(STATE_DIR))?;
        let inside = in_state("");
        Ok(listed
            .into_iter()
            .filter_map(|(name, meta)| {
                Some((name.strip_prefix(&inside)?.to_string(), meta.last_modified.into()))
            })
            .collect())
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let found = self.runtime.block_on(self.objects.get(name))?;
        Ok(found.map(|(bytes, _)| bytes))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.runtime.block_on(self.objects.put(name, bytes.to_vec())).map(drop)
    }
}
