//! The certificates that a user trusts in place of the public ones.

use std::fs;
use std::path::Path;

use ureq::tls::{Certificate, PemItem, parse_pem};

use super::HubConfig;
use crate::error::{Error, Result};
use crate::files;

/// The most bytes of a file of certificates; those of all public authorities are some hundred KiB.
const MOST_BYTES: u64 = 16 << 20;

/// Returns the certificates that are trusted in place of the public ones; None where none are named.
///
/// # Errors
/// [`Error::Io`] if they cannot be read, [`Error::BadFile`] if there are none.
pub fn certificates(config: &HubConfig) -> Result<Option<Vec<Certificate<'static>>>> {
    if config.ca_file.is_none() && config.ca_dir.is_none() {
        return Ok(None);
    }
    let mut found = Vec::new();
    let mut take = |path: &Path| -> Result<(), Error> {
        let pem = files::read(path, MOST_BYTES)?;
        let is_certificate = |item: Result<PemItem<'static>, _>| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        };
        found.extend(parse_pem(&pem).filter_map(is_certificate));
        Ok(())
    };
    if let Some(file) = &config.ca_file {
        take(file)?;
    }
    if let Some(folder) = &config.ca_dir {
        let entries = fs::read_dir(folder).map_err(Error::io("read", folder))?;
        for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()) {
            take(&path)?;
        }
    }
    if found.is_empty() {
        let path = config.ca_file.as_ref().or(config.ca_dir.as_ref()).cloned().unwrap_or_default();
        let reason = "holds no certificate (PEM) of those to trust (SSL_CERT_FILE, SSL_CERT_DIR)";
        return Err(Error::bad_file(&path, reason));
    }
    Ok(Some(found))
}
