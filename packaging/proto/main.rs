//! Writes `src/service/grpc/generated` from the protos beside it, or with `--check` only tells whether it is current:
//! `cargo run --target-dir target/proto --manifest-path packaging/proto/Cargo.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use prost::Message as _;

const PROTOS: [&str; 2] = ["chattts/v1/tts.proto", "riva/proto/riva_tts.proto"];
/// Settings become the JSON that HTTP reads, where null counts as absent.
const SETTINGS: [&str; 2] = ["chattts.v1.SpeechSettings", "chattts.v1.NormalizeRequest"];
const FORMAT: &str = "chattts.v1.SpeechSettings.response_format";
const TEMPERATURE: &str = "chattts.v1.SpeechSettings.temperature";
/// How a text is read is told in the words of the JSON that HTTP answers.
const ANSWERS: [&str; 4] = ["NormalizeResponse", "Replacement", "Unspoken", "Stretch"];

fn main() -> ExitCode {
    let grpc = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/service/grpc");
    let generated = grpc.join("generated");
    let made = made(&grpc.join("proto"));
    if !std::env::args().any(|arg| arg == "--check") {
        for (name, bytes) in &made {
            fs::write(generated.join(name), bytes).expect("a file is written");
        }
        return ExitCode::SUCCESS;
    }
    let is_current = |(name, bytes): (&String, &Vec<u8>)| {
        let is_so = fs::read(generated.join(name)).is_ok_and(|there| there == *bytes);
        if !is_so {
            eprintln!("generated/{name} is not what the protos make; run this without --check");
        }
        is_so
    };
    if made.iter().map(is_current).fold(true, |all, one| all && one) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Returns the files by their names.
fn made(protos: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut descriptors = protox::compile(PROTOS, [protos]).expect("the protos are read");
    let out = std::env::temp_dir().join(format!("chattts-proto-{}", std::process::id()));
    fs::create_dir_all(&out).expect("a folder is made");
    let mut builder = tonic_prost_build::configure()
        .out_dir(&out)
        .build_client(false)
        .build_transport(false)
        .emit_rerun_if_changed(false)
        .bytes(".chattts.v1")
        .bytes(".nvidia.riva.tts.SynthesizeSpeechResponse.audio")
        .field_attribute(FORMAT, "#[serde(skip)]")
        .field_attribute(TEMPERATURE, "#[serde(skip_serializing_if = \"Vec::is_empty\")]");
    for message in SETTINGS {
        let is_empty = "#[serde(skip_serializing_if = \"std::collections::HashMap::is_empty\")]";
        builder = builder.field_attribute(format!("{message}.pronounce"), is_empty);
        builder = builder.type_attribute(message, "#[derive(serde::Serialize)]");
    }
    for message in ANSWERS {
        let derives = "#[derive(serde::Deserialize)]\n#[serde(default)]";
        builder = builder.type_attribute(format!("chattts.v1.{message}"), derives);
    }
    builder.compile_fds(descriptors.clone()).expect("the code is written");
    let mut made = BTreeMap::new();
    for entry in fs::read_dir(&out).expect("the folder is read") {
        let path = entry.expect("the folder is read").path();
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        made.insert(name, fs::read(&path).expect("a file is read"));
    }
    fs::remove_dir_all(&out).expect("the folder is removed");
    // Who reflects wants the comments least.
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    made.insert("descriptors.bin".into(), descriptors.encode_to_vec());
    made
}
