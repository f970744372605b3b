//! Speech judged by its words: what the program's own voice says is heard as it was written.
//!
//! A recogniser listens where one is named (see packaging/voice):
//! `CHATTTS_RS_RECOGNISER="python $PWD/packaging/voice/recognise.py" cargo test --release --test words`.

mod common;

use std::fs;
use std::path::PathBuf;

use chattts_rs::bench::{WordErrors, recognise, sentences};
use common::{Program, wav};

/// Speaks the held-out sentences, each to a file of its own, and returns the files.
fn speak(p: &Program, model: &str) -> Vec<PathBuf> {
    let lines: String = sentences().map(|sentence| format!("{sentence}\n")).collect();
    fs::write(p.path("lines.txt"), lines).unwrap();
    p.spoken(&[
        "synth",
        "-m",
        model,
        "-f",
        "lines.txt",
        "--out-dir",
        model,
        "--seed",
        "1",
        "--max-tokens",
        "600",
    ]);
    (0..sentences().count()).map(|i| p.path(&format!("{model}/{i:05}.wav"))).collect()
}

fn recogniser() -> Option<String> {
    let named = std::env::var("CHATTTS_RS_RECOGNISER").ok();
    if named.is_none() {
        eprintln!("nobody listens: CHATTTS_RS_RECOGNISER names no recogniser");
    }
    named
}

fn misheard(files: &[PathBuf], recogniser: &str) -> f64 {
    let mut sum = WordErrors::default();
    for (written, heard) in sentences().zip(recognise(recogniser, files).unwrap()) {
        let found = WordErrors::between(written, &heard);
        println!("{}/{}  {written}  {heard}", found.errors, found.words);
        sum += found;
    }
    sum.rate()
}

#[test]
fn the_demo_is_understood_and_noise_is_not() {
    let Some(recogniser) = recogniser() else { return };
    let p = Program::new();
    let rate = misheard(&speak(&p, "demo"), &recogniser);
    assert!(rate <= 0.15, "{:.1} % of the words misheard", rate * 100.0);
    // So that a recogniser which echoes its task would be found out.
    let rate = misheard(&speak(&p, "noise"), &recogniser);
    assert!(rate > 0.9, "{:.1} % of noise misheard", rate * 100.0);
}

#[test]
fn eight_bits_and_single_precision_are_compared_by_their_words() {
    let Some(recogniser) = recogniser() else { return };
    let p = Program::new();
    let args =
        ["bench", "-m", "demo", "--precision", "--tokens", "16", "--recogniser", &recogniser, "--json"];
    let json: serde_json::Value = serde_json::from_str(&p.ok(&args).out).unwrap();
    for errors in [&json["f32_word_errors"], &json["results"][0]["word_errors"]] {
        let rate = errors["errors"].as_f64().unwrap() / errors["words"].as_f64().unwrap();
        assert!(rate <= 0.2, "{json}");
    }
}

/// A sentence that is swallowed, cut off or babbled on takes another time than its words do.
#[test]
fn every_sentence_takes_the_time_that_its_words_take() {
    let p = Program::new();
    for (sentence, file) in sentences().zip(speak(&p, "demo")) {
        let (rate, samples) = wav(&fs::read(file).unwrap());
        let seconds = samples.len() as f64 / f64::from(rate);
        let words = sentence.split(' ').count() as f64;
        assert!((0.15 * words..0.7 * words + 0.5).contains(&seconds), "{seconds:.2} s: {sentence}");
    }
}
