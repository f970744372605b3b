#![no_main]

chattts_rs_fuzz::target!("normalize");
