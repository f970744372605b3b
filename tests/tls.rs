//! Downloads through TLS, from a server whose authority only the user trusts.

mod common;

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use common::hub_server::{HubServer, REPO};
use common::{Program, Ran, tiny_model};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const SETTINGS: &str = "[req]
prompt = no
distinguished_name = name
x509_extensions = authority
[name]
CN = a company of one's own
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
basicConstraints = CA:FALSE
subjectAltName = IP:127.0.0.1
extendedKeyUsage = serverAuth
";

/// Makes `NAME.pem`, an authority's certificate, and a server's, `NAME-server.pem` with its key; returns whether there
/// is a program to make them with.
fn certify(folder: &Path, name: &str) -> bool {
    fs::write(folder.join("settings"), SETTINGS).unwrap();
    let openssl = |args: &str| {
        let mut command = Command::new("openssl");
        command.current_dir(folder).args(args.replace("NAME", name).split(' ')).env_remove("OPENSSL_CONF");
        match command.output() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return false,
            made => {
                let made = made.unwrap();
                assert!(made.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&made.stderr));
            }
        }
        true
    };
    let fresh = "-config settings -newkey rsa:2048 -nodes";
    openssl(&format!("req {fresh} -x509 -days 30 -keyout NAME.key -out NAME.pem"))
        && openssl(&format!("req {fresh} -new -keyout NAME-server.key -out NAME-server.csr"))
        && openssl(
            "x509 -req -in NAME-server.csr -CA NAME.pem -CAkey NAME.key -set_serial 2 -days 30 -extfile settings \
             -extensions server -out NAME-server.pem",
        )
}

/// Puts TLS before a hub; returns its address.
fn encrypt(hub: &HubServer, folder: &Path, name: &str) -> String {
    let certificate = CertificateDer::from_pem_file(folder.join(format!("{name}-server.pem"))).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join(format!("{name}-server.key"))).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let hub = hub.url().trim_start_matches("http://").to_owned();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (config, hub) = (config.clone(), hub.clone());
            // A client that does not trust it goes away.
            thread::spawn(move || pass_on(stream, config, &hub));
        }
    });
    url
}

/// Passes one request on, and what is answered back.
fn pass_on(stream: TcpStream, config: Arc<ServerConfig>, hub: &str) -> io::Result<()> {
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut client = BufReader::new(StreamOwned::new(connection, stream));
    let mut hub = TcpStream::connect(hub)?;
    loop {
        let mut line = Vec::new();
        client.read_until(b'\n', &mut line)?;
        hub.write_all(&line)?;
        if line.len() <= 2 {
            break;
        }
    }
    hub.shutdown(Shutdown::Write)?;
    let mut client = client.into_inner();
    io::copy(&mut hub, &mut client)?;
    client.conn.send_close_notify();
    client.flush()
}

#[test]
fn a_server_is_trusted_by_the_authorities_that_the_user_names() {
    let folder = tempfile::tempdir().unwrap();
    if !certify(folder.path(), "own") {
        eprintln!("there is no openssl to make certificates with; nothing is tested");
        return;
    }
    certify(folder.path(), "other");
    let hub = HubServer::start(tiny_model());
    hub.serve_as(REPO);
    let url = encrypt(&hub, folder.path(), "own");
    hub.use_storage(&url);
    let download = |trusted: &[(&str, &str)]| -> (Program, Ran) {
        let mut p = Program::new().env("HF_ENDPOINT", &url).env("HF_HUB_DOWNLOAD_TIMEOUT", "10");
        for (variable, file) in trusted {
            p = p.env(variable, folder.path().join(file).to_str().unwrap());
        }
        let ran = p.run(&["tokenize", "-t", "你好"]);
        (p, ran)
    };

    for trusted in [None, Some(("SSL_CERT_FILE", "other.pem"))] {
        let (_, ran) = download(trusted.as_slice());
        assert_eq!(ran.code, Some(1), "{trusted:?}: {ran:?}");
        assert!(ran.err.contains("certificate"), "{trusted:?}: {ran:?}");
        assert!(ran.err.contains("SSL_CERT_FILE"), "{trusted:?}: it does not say what helps: {ran:?}");
        assert!(hub.requests().is_empty(), "nothing is asked of a server that is not trusted");
    }

    let (_, ran) = download(&[("SSL_CERT_FILE", "own.pem")]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.out.trim().is_empty() && !hub.requests().is_empty());
    fs::create_dir(folder.path().join("authorities")).unwrap();
    for name in ["own.pem", "other.pem"] {
        fs::copy(folder.path().join(name), folder.path().join("authorities").join(name)).unwrap();
    }
    let (_, ran) = download(&[("SSL_CERT_DIR", "authorities")]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}
