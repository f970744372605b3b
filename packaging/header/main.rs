//! Writes `src/capi/chattts.h` from the functions and types beside it, or with `--check` only tells whether it is
//! current: `cargo run --target-dir target/header --manifest-path packaging/header/Cargo.toml`.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/capi");
    let header = folder.join("chattts.h");
    let config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).expect("cbindgen.toml is read");
    let sources = ["types.rs", "lib.rs"].map(|name| folder.join(name));
    let builder = sources
        .iter()
        .fold(cbindgen::Builder::new().with_config(config), |builder, source| builder.with_src(source));
    let mut made = Vec::new();
    builder.generate().expect("the sources are read").write(&mut made);
    let is_current = std::fs::read(&header).is_ok_and(|there| there == made);
    let only_checks = std::env::args().any(|arg| arg == "--check");
    if !is_current && !only_checks {
        std::fs::write(&header, made).expect("the header is written");
    }
    match is_current || !only_checks {
        true => ExitCode::SUCCESS,
        false => {
            eprintln!("{} is not what its sources make; run this without --check", header.display());
            ExitCode::FAILURE
        }
    }
}
