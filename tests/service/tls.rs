//! The service behind TLS.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use tungstenite::Message;

use crate::common::Program;
use crate::http2::{Http2, LARGEST, SYNTHESIZE, number, text};
use crate::server::{Answer, PATIENCE, Server, long};

/// Makes a certificate, `NAME.pem`, and its key, `NAME.key`; returns whether there is a program to make them with.
fn certify(folder: &Path, name: &str) -> bool {
    let mut command = Command::new("openssl");
    command.current_dir(folder).env_remove("OPENSSL_CONF").args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "30",
        "-subj",
        "/CN=speech",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-keyout",
        &format!("{name}.key"),
        "-out",
        &format!("{name}.pem"),
    ]);
    match command.output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            eprintln!("there is no openssl to make certificates with; nothing is tested");
            false
        }
        made => {
            let made = made.unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            true
        }
    }
}

type Secured = StreamOwned<ClientConnection, TcpStream>;

fn connect(server: &Server, certificate: &Path, protocol: &[u8]) -> io::Result<Secured> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = server.connect();
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    assert_eq!(connection.alpn_protocol(), Some(protocol));
    Ok(StreamOwned::new(connection, stream))
}

fn ask(server: &Server, certificate: &Path) -> io::Result<Answer> {
    let mut stream = connect(server, certificate, b"http/1.1")?;
    let headers = "Content-Type: application/json\r\n";
    crate::server::send(&mut stream, "POST", "/v1/audio/speech", headers, &long(60, 1));
    Ok(Answer::read(stream))
}

const FLAGS: [&str; 6] = ["--model", "noise", "--tls-cert", "a.pem", "--tls-key", "a.key"];

#[test]
fn speech_comes_through_tls_and_plain_http_is_told_so() {
    let program = Program::new();
    if !certify(program.dir.path(), "a") {
        return;
    }
    let server = Server::start_in(program, &[&FLAGS[..], &["--head-time", "1"]].concat());
    assert!(server.log.last().unwrap().contains("ready at https://127.0.0.1:"), "{:?}", server.log);
    let answer = ask(&server, &server.program.path("a.pem")).unwrap();
    assert!(answer.status == 200 && answer.is_whole && answer.body.len() > 10_000, "{}", answer.head);
    let plain = server.get("/health/live");
    assert!(plain.status == 400 && plain.text().contains("use https://"), "{}", plain.text());
    // One that says nothing, and one that talks nonsense.
    let start = Instant::now();
    for said in [&b""[..], b"\x16\x03\x01nonsense, which is long enough"] {
        let mut stream = server.connect();
        stream.write_all(said).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert!(start.elapsed() < Duration::from_secs(30));
    assert_eq!(ask(&server, &server.program.path("a.pem")).unwrap().status, 200);
}

#[test]
fn calls_and_websockets_come_through_tls() {
    let program = Program::new();
    if !certify(program.dir.path(), "a") {
        return;
    }
    let server = Server::start_in(program, &FLAGS);
    let certificate = server.program.path("a.pem");
    let expected = ask(&server, &certificate).unwrap().body;
    // gRPC, whose client says in the handshake that it speaks HTTP/2.
    let mut calls = Http2::over(Box::new(connect(&server, &certificate, b"h2").unwrap()), LARGEST);
    let settings = [number(3, 5), number(5, 1), number(22, 60), number(23, 60)].concat();
    let request = [text(1, "你好，世界。"), text(2, settings)].concat();
    let whole = calls.call(SYNTHESIZE, &[], &request);
    assert!(whole.is_whole && whole.field(1) == expected, "{} {}", whole.field(1).len(), expected.len());
    // A WebSocket.
    let url = format!("wss://{}/v1/audio/speech/stream", server.address);
    let stream = connect(&server, &certificate, b"http/1.1").unwrap();
    let (mut socket, _) = tungstenite::client(url, stream).unwrap();
    for message in [
        r#"{"type": "session.config", "seed": 1, "min_tokens": 60, "max_tokens": 60}"#,
        r#"{"type": "input.text", "text": "你好，世界。"}"#,
        r#"{"type": "input.done"}"#,
    ] {
        socket.send(Message::text(message)).unwrap();
    }
    let mut audio = Vec::new();
    loop {
        match socket.read().unwrap() {
            Message::Binary(bytes) => audio.extend(bytes),
            Message::Text(event) if event.contains("session.done") => break,
            Message::Text(event) => assert!(!event.contains("\"error\": {"), "{event}"),
            _ => {}
        }
    }
    assert!(audio == expected, "{} {}", audio.len(), expected.len());
}

#[test]
fn a_new_certificate_is_used_when_it_is_there() {
    let program = Program::new();
    if !certify(program.dir.path(), "a") {
        return;
    }
    certify(program.dir.path(), "b");
    let mut server = Server::start_in(program, &FLAGS);
    let path = |name: &str| server.program.path(name);
    let (old, new) = (path("old.pem"), path("b.pem"));
    fs::copy(path("a.pem"), &old).unwrap();
    assert_eq!(ask(&server, &old).unwrap().status, 200);
    // Half of it is there first.
    fs::copy(path("b.pem"), path("a.pem")).unwrap();
    let until = Instant::now() + PATIENCE;
    let (a_key, b_key) = (path("a.key"), path("b.key"));
    std::thread::sleep(Duration::from_millis(10_100));
    assert_eq!(ask(&server, &old).unwrap().status, 200, "the old one stays while the new one cannot be used");
    server.line("the old certificate stays in use");
    fs::copy(b_key, a_key).unwrap();
    while ask(&server, &new).is_err() {
        assert!(Instant::now() < until, "the new one is not used");
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn a_wrong_certificate_is_told_before_anything_is_loaded() {
    let p = Program::new();
    if !certify(p.dir.path(), "a") {
        return;
    }
    certify(p.dir.path(), "b");
    p.write("empty.pem", "");
    let certificate = fs::read_to_string(p.path("a.pem")).unwrap();
    p.write("cut.pem", &certificate[..certificate.len() / 2]);
    for (cert, key, code, message) in [
        ("missing.pem", "a.key", 1, "missing.pem"),
        ("empty.pem", "a.key", 1, "empty.pem: it holds no certificate"),
        ("cut.pem", "a.key", 1, "cut.pem: the certificate is cut off"),
        ("a.pem", "empty.pem", 1, "empty.pem: it holds no private key"),
        ("a.pem", "b.key", 1, "does not go with the key in b.key"),
    ] {
        let flags = ["serve", "--model", "noise", "--port", "0", "--tls-cert", cert, "--tls-key", key];
        let ran = p.run(&flags);
        assert!(ran.code == Some(code) && ran.err.contains(message), "{cert} {key}: {ran:?}");
    }
    let ran = p.run(&["serve", "--model", "noise", "--tls-cert", "a.pem"]);
    assert!(ran.code == Some(2) && ran.err.contains("--tls-key"), "{ran:?}");
}
