//! The library for C, as a C and a C++ program use it: `cargo test --test capi`.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chattts_rs::{Engine, EngineOptions, SpeechRequest};
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The shared library, which lies beside this test.
fn library() -> PathBuf {
    let library = std::env::current_exe().unwrap().with_file_name("libchattts.so");
    assert!(library.exists(), "{}", library.display());
    library
}

/// The output of a tool, or None where there is none.
fn said(tool: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(tool).args(args).arg(library()).output().ok()?;
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The functions that the header declares.
fn declared() -> BTreeSet<String> {
    let header = fs::read_to_string(root().join("src/capi/chattts.h")).unwrap();
    let code = header.lines().filter(|line| !line.starts_with(['/', ' ', '#', '}']));
    code.filter_map(|line| {
        let (before, _) = line.split_once('(')?;
        before.rsplit([' ', '*']).next().filter(|name| name.starts_with("chattts_")).map(str::to_string)
    })
    .collect()
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Compiles a C program with these arguments.
fn compile(compiler: &str, args: &[&str], source: &str, program: &Path) {
    let mut compile = Command::new(compiler);
    compile.args(args).args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-pthread", "-g", "-I"]);
    compile.arg(root().join("src/capi")).arg(root().join(source));
    succeed(compile.args(["-x", "none", "-o"]).arg(program).arg(library()));
}

/// Builds the C test in a folder of its own with these arguments, runs it, and returns the samples that it wrote.
fn samples_of(compiler: &str, args: &[&str]) -> Vec<u8> {
    let dir = TempDir::new().unwrap();
    let (test, out) = (dir.path().join("test"), dir.path().join("samples.f32"));
    compile(compiler, args, "tests/capi/test.c", &test);
    let mut run = Command::new(&test);
    let ran = succeed(run.arg(&out).current_dir(&dir).env("HOME", dir.path()).env_remove("HF_HOME"));
    assert_eq!(ran.stdout, b"passed\n");
    fs::read(out).unwrap()
}

#[test]
fn a_c99_program_gets_what_the_header_says_and_hears_what_rust_hears() {
    let heard = samples_of("cc", &["-std=c99"]);
    let engine = Engine::open(EngineOptions::new("demo")).unwrap();
    let mut request = SpeechRequest::new("Hello, 2024.");
    request.overrides.sampling.seed = Some(42);
    let wave = engine.speak(request).unwrap().collect_wave().unwrap();
    let bytes: Vec<u8> = wave.samples.iter().flat_map(|sample| sample.to_ne_bytes()).collect();
    assert!(heard == bytes, "the samples differ");
}

#[test]
fn a_cpp_program_gets_the_same() {
    samples_of("c++", &["-std=c++11", "-x", "c++"]);
}

#[test]
fn the_example_speaks_into_a_file() {
    let dir = TempDir::new().unwrap();
    let program = dir.path().join("speak");
    compile("cc", &["-std=c99"], "examples/speak.c", &program);
    succeed(Command::new(&program).args(["Hello.", "hello.wav"]).current_dir(&dir));
    let wav = fs::read(dir.path().join("hello.wav")).unwrap();
    assert!(wav.starts_with(b"RIFF") && wav.len() > 20_000, "{} bytes", wav.len());
    let ran = Command::new(&program).args(["Hello.", "hello.wav", "/nowhere"]).output().unwrap();
    assert!(ran.status.code() == Some(1) && !ran.stderr.is_empty(), "{ran:?}");
}

#[test]
fn nothing_is_exported_but_what_the_header_declares() {
    let declared = declared();
    assert!(declared.len() > 20 && declared.contains("chattts_synthesize"), "{declared:?}");
    let Some(symbols) = said("nm", &["-D", "--defined-only", "--format=posix"]) else { return };
    let exported: BTreeSet<String> =
        symbols.lines().filter_map(|line| line.split(' ').next()).map(str::to_string).collect();
    assert_eq!(exported, declared);
}

#[test]
fn what_has_been_published_stays() {
    let published = fs::read_to_string(root().join("tests/capi/chattts.abi")).unwrap();
    let names = published.split("<elf-symbol name='").skip(1).filter_map(|rest| rest.split('\'').next());
    assert_eq!(declared(), names.map(str::to_string).collect());
    // Sizes, offsets and arguments, where there is the tool that compares them.
    if Command::new("abidiff").arg("--version").output().is_ok() {
        succeed(&mut Command::new(root().join("tests/capi/abi.sh")));
    }
}

#[test]
fn the_library_needs_the_c_library_alone_and_stays_loaded() {
    let Some(dynamic) = said("readelf", &["-d", "-W"]) else { return };
    let needed: Vec<&str> = dynamic.lines().filter(|line| line.contains("(NEEDED)")).collect();
    for line in &needed {
        let known = ["libc.", "libm.", "libgcc_s.", "ld-linux", "libpthread.", "libdl.", "librt."];
        assert!(known.iter().any(|name| line.contains(&format!("[{name}")) || line.contains(name)), "{line}");
    }
    assert!(!needed.is_empty() && dynamic.contains("NODELETE"), "{dynamic}");
}

#[test]
fn python_loads_it() {
    let load = "import ctypes, sys; c = ctypes.CDLL(sys.argv[1]); assert c.chattts_init() == 0; \
                assert c.chattts_abi_version() == 1";
    let python = Command::new("python3").args(["-c", load]).arg(library()).output();
    if let Ok(output) = python {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
