#![no_main]

chattts_rs_fuzz::target!("voice_string");
