//! A client of HTTP/2 and gRPC that sees every byte, and may misbehave.

use std::io::{self, Read, Write};

use crate::server::Server;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

const INITIAL_WINDOW: u16 = 4;
pub const LARGEST: u32 = i32::MAX as u32;

/// The service's methods.
pub const SYNTHESIZE: &str = "/chattts.v1.TextToSpeech/Synthesize";
pub const STREAM: &str = "/chattts.v1.TextToSpeech/SynthesizeStream";
pub const DIALOG: &str = "/chattts.v1.TextToSpeech/SynthesizeDialog";
pub const VOICES: &str = "/chattts.v1.TextToSpeech/ListVoices";
pub const RIVA: &str = "/nvidia.riva.tts.RivaSpeechSynthesis/Synthesize";
pub const RIVA_ONLINE: &str = "/nvidia.riva.tts.RivaSpeechSynthesis/SynthesizeOnline";
pub const CHECK: &str = "/grpc.health.v1.Health/Check";
pub const WATCH: &str = "/grpc.health.v1.Health/Watch";

/// What a client speaks through: a connection, with TLS or without.
pub trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

pub struct Http2 {
    stream: Box<dyn Stream>,
    next: u32,
}

/// An answer as far as it came.
#[derive(Debug, Default)]
pub struct Answered {
    pub messages: Vec<Vec<u8>>,
    /// Whether it has its proper end; an error has one too.
    pub is_whole: bool,
}

impl Http2 {
    /// Connects, and takes whatever comes.
    pub fn connect(server: &Server) -> Self {
        Http2::with_window(server, LARGEST)
    }

    /// Connects, and takes so many bytes of each answer.
    pub fn with_window(server: &Server, window: u32) -> Self {
        Http2::over(Box::new(server.connect()), window)
    }

    /// Begins to speak on a connection, whose reads end after some time.
    pub fn over(mut stream: Box<dyn Stream>, window: u32) -> Self {
        stream.write_all(PREFACE).unwrap();
        let mut client = Http2 { stream, next: 1 };
        let mut settings = INITIAL_WINDOW.to_be_bytes().to_vec();
        settings.extend(window.to_be_bytes());
        client.frame(SETTINGS, 0, 0, &settings);
        client.frame(WINDOW_UPDATE, 0, 0, &(LARGEST - 65_535).to_be_bytes());
        client
    }

    /// Sends a frame. A connection that has ended takes none, which reading tells.
    pub fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        let _ = self.stream.write_all(&bytes);
    }

    /// Sends the head of a call, and returns the number of its stream.
    pub fn head(&mut self, path: &str, metadata: &[(&str, &str)]) -> u32 {
        let fixed = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "test"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
        ];
        let mut block = Vec::new();
        for (name, value) in fixed.iter().chain(metadata) {
            // Neither indexed nor compressed.
            block.push(0);
            for text in [name, value] {
                assert!(text.len() < 127);
                block.push(text.len() as u8);
                block.extend(text.as_bytes());
            }
        }
        let stream = self.next;
        self.next += 2;
        self.frame(HEADERS, END_HEADERS, stream, &block);
        stream
    }

    /// Sends a message.
    pub fn message(&mut self, stream: u32, message: &[u8], is_last: bool) {
        let mut bytes = vec![0];
        bytes.extend((message.len() as u32).to_be_bytes());
        bytes.extend(message);
        self.frame(DATA, if is_last { END_STREAM } else { 0 }, stream, &bytes);
    }

    /// Ends the messages of a call.
    pub fn end(&mut self, stream: u32) {
        self.frame(DATA, END_STREAM, stream, &[]);
    }

    /// Takes a call back.
    pub fn reset(&mut self, stream: u32) {
        const CANCEL: u32 = 8;
        self.frame(RESET, 0, stream, &CANCEL.to_be_bytes());
    }

    /// Makes a call of one message, and reads its answer.
    pub fn call(&mut self, path: &str, metadata: &[(&str, &str)], message: &[u8]) -> Answered {
        let stream = self.begin(path, metadata, message);
        self.answer(stream)
    }

    pub fn begin(&mut self, path: &str, metadata: &[(&str, &str)], message: &[u8]) -> u32 {
        let stream = self.head(path, metadata);
        self.message(stream, message, true);
        stream
    }

    /// Reads a frame: its kind, flags, stream and payload.
    fn read(&mut self) -> io::Result<(u8, u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head)?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.stream.read_exact(&mut payload)?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        match (head[3], head[4] & ACK) {
            (SETTINGS, 0) => self.frame(SETTINGS, ACK, 0, &[]),
            (PING, 0) => self.frame(PING, ACK, 0, &payload),
            _ => {}
        }
        Ok((head[3], head[4], stream, payload))
    }

    /// Reads the answer to a call, or the next bytes of one.
    pub fn read_some(&mut self, of: u32) -> Vec<u8> {
        loop {
            match self.read().unwrap() {
                (DATA, _, stream, payload) if stream == of && !payload.is_empty() => return payload,
                (RESET | GOAWAY, ..) => panic!("the answer broke off"),
                _ => {}
            }
        }
    }

    pub fn answer(&mut self, of: u32) -> Answered {
        self.rest(of, Vec::new())
    }

    /// Reads what follows the bytes of an answer that were read.
    pub fn rest(&mut self, of: u32, mut bytes: Vec<u8>) -> Answered {
        let mut is_whole = false;
        while let Ok((kind, flags, stream, payload)) = self.read() {
            if kind == DATA && stream == of {
                bytes.extend(payload);
            }
            let is_end = stream == of && matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0;
            if is_end || (kind == RESET && stream == of) {
                is_whole = is_end;
                break;
            }
        }
        let (mut messages, mut rest) = (Vec::new(), &bytes[..]);
        while rest.len() >= 5 {
            let length = u32::from_be_bytes([rest[1], rest[2], rest[3], rest[4]]) as usize;
            if rest.len() < 5 + length {
                break;
            }
            messages.push(rest[5..5 + length].to_vec());
            rest = &rest[5 + length..];
        }
        Answered { messages, is_whole }
    }

    /// Waits for the end of the connection.
    pub fn ended(mut self) {
        while self.read().is_ok() {}
    }

    pub fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }
}

impl Answered {
    /// The bytes of a field, of all messages together.
    pub fn field(&self, number: u64) -> Vec<u8> {
        self.messages
            .iter()
            .flat_map(|message| fields(message))
            .filter(|f| f.0 == number)
            .flat_map(|f| f.1)
            .collect()
    }
}

/// The fields of a message: number, and bytes or the digits of a number.
pub fn fields(mut message: &[u8]) -> Vec<(u64, Vec<u8>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            number |= u64::from(byte & 127) << shift;
            shift += 7;
            if byte < 128 {
                return number;
            }
        }
    }
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        let value = match tag & 7 {
            0 => varint(&mut message).to_string().into_bytes(),
            2 => {
                let length = varint(&mut message) as usize;
                let value = message[..length].to_vec();
                message = &message[length..];
                value
            }
            kind => panic!("a field of kind {kind}"),
        };
        found.push((tag >> 3, value));
    }
    found
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 128 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A field of text, bytes or a message.
pub fn text(field: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

/// A field of a number.
pub fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}
