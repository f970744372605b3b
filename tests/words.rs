//! Speech judged by its words: what the program's own voice says is heard as it was written.
//!
//! A recogniser listens where one is named (see packaging/voice):
//! `CHATTTS_RS_RECOGNISER="python $PWD/packaging/voice/recognise.py" cargo test --release --test words`.

mod common;

use std::fs;
use std::path::PathBuf;

use chattts_rs::audio::{Pitch, Recording};
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
    assert!(rate <= 0.12, "{:.1} % of the words misheard", rate * 100.0);
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

/// Speaks a text with three seeds and returns what they took, their mean in seconds.
fn seconds(p: &Program, prompt: &str, text: &str) -> f64 {
    let took = |seed: &str| {
        let voice = ["--role", "4099", "--seed", seed, "--prompt", prompt];
        p.spoken(&[&["synth", "-m", "demo", "-t", text, "-o", "a.wav"], &voice[..]].concat());
        let (rate, samples) = wav(&fs::read(p.path("a.wav")).unwrap());
        samples.len() as f64 / f64::from(rate)
    };
    ["1", "2", "3"].into_iter().map(took).sum::<f64>() / 3.0
}

#[test]
fn paces_and_pauses_last_as_their_tags_say() {
    let p = Program::new();
    let text = "The museum opens at nine and the garden at ten.";
    let usual = seconds(&p, "[speed_5]", text);
    let [slow, fast] = ["[speed_0]", "[speed_9]"].map(|pace| seconds(&p, pace, text));
    assert!(slow > 1.2 * usual && fast < 0.95 * usual, "{slow:.2} s, {usual:.2} s, {fast:.2} s");
    let pause = |tag| seconds(&p, "[speed_5]", &text.replace(" and", &format!(" {tag} and"))) - usual;
    let [short, long] = ["[uv_break]", "[lbreak]"].map(pause);
    assert!((0.2..1.0).contains(&short) && (short + 0.1..1.6).contains(&long), "{short:.2} s, {long:.2} s");
}

#[test]
fn seeds_choose_a_woman_or_a_man() {
    let p = Program::new();
    let pitch = |role: u32| {
        let role = role.to_string();
        let text = "The museum opens at nine, and the garden at ten.";
        p.spoken(&["synth", "-m", "demo", "-t", text, "-o", "a.wav", "--role", &role, "--seed", "1"]);
        let recording = Recording::read(&p.path("a.wav")).unwrap();
        Pitch::of(&recording.samples, recording.sample_rate).unwrap()
    };
    let pitches: Vec<Pitch> = (1..=8).map(pitch).collect();
    // One that stays where it is says everything alike.
    assert!(pitches.iter().all(|pitch| pitch.high > 1.25 * pitch.low), "{pitches:?}");
    // A part of what a man says, also of what his teacher does, is taken for an octave above: not the lowest of it.
    let pitches: Vec<f64> = pitches.iter().map(|pitch| pitch.low).collect();
    let (women, men): (Vec<f64>, Vec<f64>) = pitches.iter().partition(|pitch| **pitch > 140.0);
    assert!(women.iter().all(|pitch| (150.0..255.0).contains(pitch)) && women.len() >= 2, "{pitches:?}");
    assert!(men.iter().all(|pitch| (75.0..130.0).contains(pitch)) && men.len() >= 2, "{pitches:?}");
}

/// What the model is told of a sample are the codes of a wave, which are others than those that it speaks.
#[test]
fn a_short_text_is_spoken_after_a_sample_of_the_voice() {
    let p = Program::new();
    fs::write(p.path("lines.txt"), "今天天气不错，我们去公园吧。\n第二段。\nThat is all.\n").unwrap();
    for (role, seed) in [("4099", "1"), ("4099", "2"), ("2222", "3"), ("2222", "4")] {
        let voice = ["--role", role, "--seed", seed, "--voice-from-first"];
        p.spoken(&[&["synth", "-m", "demo", "-f", "lines.txt", "--out-dir", seed], &voice[..]].concat());
        for (file, least) in [("00000", 1.5), ("00001", 0.4), ("00002", 0.4)] {
            let (rate, samples) = wav(&fs::read(p.path(&format!("{seed}/{file}.wav"))).unwrap());
            let seconds = samples.len() as f64 / f64::from(rate);
            assert!((least..3.0 * least).contains(&seconds), "role {role}: {file} takes {seconds:.2} s");
        }
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
