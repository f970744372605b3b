//! TLS: a certificate and its key, read again when they change.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::error::{Error, Result};

/// The protocols that are spoken behind TLS, the best first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// The time after which it is looked whether the files have changed.
const LOOK: Duration = Duration::from_secs(10);
/// The first byte of a TLS connection: a record of the handshake.
const HANDSHAKE: u8 = 22;
/// The answer to who speaks HTTP without TLS.
const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 35\r\n\
                       Connection: close\r\n\r\nThis port speaks TLS; use https://\n";
/// The most bytes that are read of what such a client sends.
const DISCARDED: u64 = 64 << 10;

/// The certificate of a service and its key.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    now: Mutex<Now>,
}

/// What was read last.
struct Now {
    config: Arc<ServerConfig>,
    changed: Changed,
    looked: Instant,
}

/// The times at which both files were changed.
type Changed = [Option<SystemTime>; 2];

impl Tls {
    /// Reads a chain of certificates, the service's own first, and its private key; both are PEM files.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::BadFile`].
    pub fn open(certificate: &Path, key: &Path) -> Result<Self> {
        let changed = changed(certificate, key);
        let now = Now { config: read(certificate, key)?, changed, looked: Instant::now() };
        Ok(Tls { certificate: certificate.into(), key: key.into(), now: Mutex::new(now) })
    }

    /// Begins TLS with a client, within a time. A client that speaks HTTP without it is told so, and every other one
    /// that does not come to terms is left: how a handshake fails is its matter. `trouble` hears of files that have
    /// changed and cannot be used; the old ones still are.
    pub async fn accept(
        &self,
        mut stream: TcpStream,
        time: Duration,
        trouble: impl FnOnce(&Error),
    ) -> Option<TlsStream<TcpStream>> {
        let config = self.config(trouble);
        let accept = async {
            let mut first = [0];
            if stream.peek(&mut first).await? > 0 && first != [HANDSHAKE] {
                stream.write_all(PLAIN).await?;
                stream.shutdown().await?;
                tokio::io::copy(&mut stream.take(DISCARDED), &mut tokio::io::sink()).await?;
                return Err(io::ErrorKind::InvalidData.into());
            }
            TlsAcceptor::from(config).accept(stream).await
        };
        tokio::time::timeout(time, accept).await.ok()?.ok()
    }

    /// Returns what is to be used now.
    fn config(&self, trouble: impl FnOnce(&Error)) -> Arc<ServerConfig> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if now.looked.elapsed() >= LOOK {
            now.looked = Instant::now();
            let changed = changed(&self.certificate, &self.key);
            if changed != now.changed {
                // Not looked at again until it changes again.
                now.changed = changed;
                match read(&self.certificate, &self.key) {
                    Ok(config) => now.config = config,
                    Err(error) => trouble(&error),
                }
            }
        }
        Arc::clone(&now.config)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

fn changed(certificate: &Path, key: &Path) -> Changed {
    [certificate, key].map(|path| std::fs::metadata(path).and_then(|about| about.modified()).ok())
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| unreadable(certificate, "certificate", error))?;
    if chain.is_empty() {
        return Err(unreadable(certificate, "certificate", pem::Error::NoItemsFound));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, "private key", error))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Internal(format!("TLS: {error}")))?;
    let config = builder.with_no_client_auth().with_single_cert(chain, private);
    let mut config = config.map_err(|error| {
        Error::bad_file(certificate, format!("it does not go with the key in {}: {error}", key.display()))
    })?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(Arc::new(config))
}

fn unreadable(path: &Path, what: &str, error: pem::Error) -> Error {
    match error {
        pem::Error::Io(reason) => Error::io("read", path)(reason),
        pem::Error::NoItemsFound => {
            let hint =
                if what == "certificate" { "" } else { "; one that is encrypted must be decrypted first" };
            Error::bad_file(
                path,
                format!("it holds no {what}; it should be a PEM file with `-----BEGIN …` in it{hint}"),
            )
        }
        pem::Error::MissingSectionEnd { .. } => {
            Error::bad_file(path, format!("the {what} is cut off: its line `-----END …` is missing"))
        }
        pem::Error::Base64Decode(reason) => {
            Error::bad_file(path, format!("the {what} is damaged: it is not base64 ({reason})"))
        }
        _ => Error::bad_file(path, format!("the {what} is damaged; copy it again")),
    }
}
