#![no_main]

use std::sync::OnceLock;

fn name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| std::env::var("FUZZ_TARGET").unwrap_or_default())
}

chattts_rs_fuzz::target!(name());
