//! Many speeches in one request: JSON Lines in, and a file a line out, as each is made.
//!
//! Without a wish it is multipart/mixed: each part has its own type, id and status, and can be used when it has come.
//! A zip archive tells what it holds at its end only; it is for those who want to open what they get.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame};
use serde_json::{Value, json};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::respond::{JSON, JSON_LINES, check_type, discard, error, typed, upload};
use super::routes::Face;
use super::speech::{BUFFERING, usage};
use crate::service::{Batch, BatchJob, BatchResult, BatchSpeech, Client, Held, Refusal, RefusalKind, Ticket};
use crate::speech::random_seed;

/// The most bytes of a batch.
const BYTES: usize = 8 << 20;
/// The most bytes of a frame.
const FRAME: usize = 64 << 10;
const ZIP: &str = "application/zip";
const MULTIPART: &str = "multipart/mixed";
/// The file of an archive that tells what became of each line.
const RESULTS: &str = "results.jsonl";

/// Speaks many texts.
pub async fn speak_batch(
    State(face): State<Face>,
    Extension(client): Extension<Client>,
    Extension(ticket): Extension<Ticket>,
    request: Request,
) -> Result<Response, Refusal> {
    face.service.loaded()?;
    check_type(request.headers(), &JSON_LINES)?;
    // Where no batch may run now, the lines need not come.
    if let Err(refusal) = face.service.batch_permit() {
        discard(request, face.options.body_time);
        return Err(refusal);
    }
    let (parts, content) = request.into_parts();
    let (content, held) = upload(&face, content, BYTES).await?;
    let permit = face.service.batch_permit()?;
    let options = face.service.options.clone();
    let read = move || BatchJob::parse(&content, options.max_input, &options.overrides);
    let failed = |_| Refusal::new(RefusalKind::Internal, "reading the batch failed");
    let job = tokio::task::spawn_blocking(read).await.map_err(failed)??;
    drop(held);
    let batch = face.service.speak_batch(client, job, permit, &ticket)?;
    let (content_type, archive) = match wants_zip(&parts.headers) {
        true => (ZIP.to_string(), Archive::Zip(Box::default())),
        false => {
            let boundary: String = (0..4).map(|_| format!("{:08x}", random_seed())).collect();
            (format!("{MULTIPART}; boundary={boundary}"), Archive::Parts(boundary))
        }
    };
    let results = Results { batch, archive, frames: VecDeque::new(), held: None, is_over: false };
    let mut response = typed(StatusCode::OK, MULTIPART, Body::new(results));
    let headers = response.headers_mut();
    if let Ok(content_type) = HeaderValue::try_from(content_type) {
        headers.insert(CONTENT_TYPE, content_type);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

/// Tells whether a client would rather have an archive.
fn wants_zip(headers: &HeaderMap) -> bool {
    let ranges: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let quality = |wanted: &str| {
        let ranges = ranges.iter().flat_map(|value| value.split(','));
        let qualities = ranges.filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
            let quality =
                parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
            quality.filter(|_| named)
        });
        qualities.fold(0.0_f32, f32::max)
    };
    quality(ZIP) > quality(MULTIPART)
}

/// The body of the answer.
struct Results {
    batch: Batch,
    archive: Archive,
    /// The bytes that have not been read yet, and the memory that they take.
    frames: VecDeque<Bytes>,
    held: Option<Held>,
    is_over: bool,
}

enum Archive {
    /// Parts with this boundary between them.
    Parts(String),
    Zip(Box<Zip>),
}

impl HttpBody for Results {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        loop {
            if let Some(mut bytes) = this.frames.pop_front() {
                let frame = bytes.split_to(bytes.len().min(FRAME));
                if !bytes.is_empty() {
                    this.frames.push_front(bytes);
                }
                return Poll::Ready(Some(Ok(Frame::data(frame))));
            }
            this.held = None;
            if this.is_over {
                return Poll::Ready(None);
            }
            // A batch that was given up has no proper end, by which clients know that something is missing.
            let result = match ready!(this.batch.poll_next(context)).transpose() {
                Ok(result) => result,
                Err(refusal) => {
                    this.is_over = true;
                    return Poll::Ready(Some(Err(io::Error::other(refusal))));
                }
            };
            this.is_over = result.is_none();
            let written = match &mut this.archive {
                Archive::Parts(boundary) => Ok(part(boundary, result)),
                Archive::Zip(zip) => zip.write(result),
            };
            match written {
                Ok((frames, held)) => (this.frames, this.held) = (frames, held),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

type Written = (VecDeque<Bytes>, Option<Held>);

/// Writes a result as a part, or the end of all of them.
fn part(boundary: &str, result: Option<BatchResult>) -> Written {
    let Some(BatchResult { number, id, name, speech }) = result else {
        return (VecDeque::from([format!("--{boundary}--\r\n").into()]), None);
    };
    let mut head = format!("--{boundary}\r\nX-Line: {number}\r\n");
    if let Some(id) = id {
        head += &format!("X-Custom-Id: {}\r\n", escaped(&id));
    }
    let (bytes, held) = match speech {
        Ok(BatchSpeech { bytes, format, seed, sample_rate, held, .. }) => {
            let name = escaped(&format!("{name}.{}", format.name()));
            head += &format!(
                "X-Status: 200\r\nX-Seed: {seed}\r\nX-Sample-Rate: {sample_rate}\r\nContent-Type: {}\r\n\
                 Content-Disposition: attachment; filename*=UTF-8''{name}\r\n",
                format.content_type()
            );
            (bytes, Some(held))
        }
        Err(refusal) => {
            head += &format!("X-Status: {}\r\nContent-Type: {JSON}\r\n", refusal.kind.status());
            (error(&refusal).to_string().into_bytes(), None)
        }
    };
    head += &format!("Content-Length: {}\r\n\r\n", bytes.len());
    (VecDeque::from([head.into(), bytes.into(), Bytes::from_static(b"\r\n")]), held)
}

/// Returns a text as it may stand in a header: all but letters, digits and `-._~` as bytes in hexadecimal digits.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// An archive that is written piece by piece.
struct Zip {
    /// None when it has ended.
    writer: Option<ZipWriter<StreamWriter<Shared>>>,
    written: Shared,
    /// What became of the lines so far, as JSON Lines.
    results: String,
}

impl Default for Zip {
    fn default() -> Self {
        let written = Shared::default();
        Zip { writer: Some(ZipWriter::new_stream(written.clone())), written, results: String::new() }
    }
}

impl Zip {
    fn write(&mut self, result: Option<BatchResult>) -> io::Result<Written> {
        let Some(BatchResult { number, id, name, speech }) = result else {
            let results = std::mem::take(&mut self.results);
            self.add(RESULTS, results.as_bytes())?;
            if let Some(writer) = self.writer.take() {
                writer.finish()?;
            }
            return Ok((self.take(), None));
        };
        let mut told = json!({"line": number, "custom_id": id});
        let mut held = None;
        match speech {
            Ok(speech) => {
                let file = format!("{name}.{}", speech.format.name());
                self.add(&file, &speech.bytes)?;
                told["status"] = 200.into();
                told["file"] = file.into();
                told["seed"] = speech.seed.into();
                told["sample_rate"] = speech.sample_rate.into();
                told["usage"] = usage(speech.usage);
                held = Some(speech.held);
            }
            Err(refusal) => {
                told["status"] = refusal.kind.status().into();
                told["error"] = error(&refusal).get_mut("error").map(Value::take).unwrap_or_default();
            }
        }
        self.results += &format!("{told}\n");
        Ok((self.take(), held))
    }

    fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        // Audio is packed already, or wanted as it is.
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        writer.start_file(name, options)?;
        writer.write_all(bytes)
    }

    fn take(&self) -> VecDeque<Bytes> {
        let written = std::mem::take(&mut *self.written.lock());
        if written.is_empty() { VecDeque::new() } else { VecDeque::from([written.into()]) }
    }
}

/// What the writer of an archive has written, to be taken away.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_made_for_those_who_ask_for_it() {
        for (accept, is_zip) in [
            ("*/*", false),
            ("application/zip", true),
            ("Application/ZIP;q=0.5, */*", true),
            ("multipart/mixed, application/zip;q=0.9", false),
            ("application/zip;q=0", false),
            ("application/zip;q=x", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(wants_zip(&headers), is_zip, "{accept}");
        }
        assert!(!wants_zip(&HeaderMap::new()));
    }

    #[test]
    fn an_id_cannot_break_a_head() {
        assert_eq!(escaped("a-1"), "a-1");
        assert_eq!(escaped("a\r\nX: 1%你"), "a%0D%0AX%3A%201%25%E4%BD%A0");
    }
}
