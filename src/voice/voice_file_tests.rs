use super::*;
use crate::voice::{SeedKind, SpeakerStats};

/// Returns the path of seed 2222 as PyTorch saved it; `make.py` beside the files made them.
fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/voices").join(name)
}

fn half() -> Speaker {
    SpeakerStats::published().unwrap().sample(SeedKind::TorchF16, 2222).unwrap()
}

fn single() -> Speaker {
    SpeakerStats::published().unwrap().sample(SeedKind::TorchF32, 2222).unwrap()
}

fn speaker_of(path: &Path) -> Speaker {
    match read_speaker(path) {
        Ok(FileVoice::Speaker(speaker)) => speaker,
        other => panic!("{}: {other:?}", path.display()),
    }
}

fn read_bytes(bytes: &[u8]) -> Result<FileVoice> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, bytes).unwrap();
    read_speaker(file.path())
}

fn refusal(bytes: &[u8]) -> String {
    read_bytes(bytes).unwrap_err().to_string()
}

/// Asserts that two speakers differ by no more than single precision on two machines and one rounding to `bits`
/// bits explain.
fn assert_near(found: &Speaker, known: &Speaker, bits: i32, name: &str) {
    for (a, b) in found.values().iter().zip(known.values()) {
        let (a, b) = (a.to_f32(), b.to_f32());
        assert!((a - b).abs() <= b.abs() * 2f32.powi(-bits) + 1e-3, "{name}: {a} is not {b}");
    }
}

#[test]
fn tensors_of_every_float_type_are_read_as_pytorch_saves_them() {
    for name in ["f16.pt", "f64.pt", "parameter.pt", "in-dict.pt"] {
        assert_eq!(speaker_of(&fixture(name)), half(), "{name}");
    }
    for (name, bits) in
        [("f32-row.pt", 10), ("old-f32.pt", 10), ("view.pt", 10), ("f32.npy", 10), ("bf16.pt", 8)]
    {
        assert_near(&speaker_of(&fixture(name)), &single(), bits, name);
    }
}

#[test]
fn strings_are_read_bare_and_as_pytorch_and_python_save_them() {
    for name in [
        "string.txt",
        "string.pt",
        "old-string.pt",
        "pickle2-string.pt",
        "pickle4-string.pt",
        "pickle5-string.pt",
    ] {
        assert_eq!(speaker_of(&fixture(name)), half(), "{name}");
    }
}

#[test]
fn a_speaker_is_written_as_liblzma_writes_it() {
    let string = std::fs::read_to_string(fixture("string.txt")).unwrap();
    assert_eq!(half().encode().unwrap(), string.trim());
}

#[test]
fn pickles_that_are_no_voice_say_what_they_hold() {
    for (name, word) in [
        ("hostile.pt", "an object made by posix.system"),
        ("short.pt", "767 numbers; a voice has 768"),
        ("two.pt", "2 tensors"),
        ("whole-numbers.pt", "torch.LongStorage; f16, bf16, f32 and f64"),
    ] {
        let e = read_speaker(&fixture(name)).unwrap_err().to_string();
        assert!(e.contains(word) && e.contains(name), "{e}");
    }
}

#[test]
fn a_long_name_in_a_pickle_does_not_make_a_long_message() {
    let name = "n\u{1b}".repeat(5000);
    for end in [".", ")R."] {
        let e = refusal(&[b"\x80\x02", format!("c{name}\n{name}\n{end}").as_bytes()].concat());
        assert!(e.len() < 600 && !e.contains('\u{1b}'), "{e}");
    }
}

#[test]
fn cut_files_are_refused_and_never_panic() {
    for name in ["f16.pt", "old-f32.pt", "pickle4-string.pt", "f32.npy", "in-dict.pt"] {
        let whole = std::fs::read(fixture(name)).unwrap();
        for length in (0..whole.len()).step_by(61) {
            assert!(read_bytes(&whole[..length]).is_err(), "{name} cut to {length}");
        }
        // A flipped bit may spoil a value or the file, but nothing else.
        for at in (0..whole.len()).step_by(41) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            drop(read_bytes(&damaged));
        }
    }
}

#[test]
fn texts_may_be_broken_into_lines_and_begin_with_a_mark() {
    let string = half().encode().unwrap();
    let broken: String = string
        .chars()
        .enumerate()
        .flat_map(|(i, c)| (i % 80 == 79).then_some('\n').into_iter().chain([c]))
        .collect();
    let decoded = read_bytes(format!("\u{feff} {broken}\r\n\n").as_bytes()).unwrap();
    assert_eq!(decoded, FileVoice::Speaker(half()));
    let prompt = VoicePrompt::new(vec![vec![1, 2, 3]; 4]).unwrap();
    assert_eq!(read_bytes(prompt.encode().unwrap().as_bytes()).unwrap(), FileVoice::Codes(prompt));
}

#[test]
fn short_speakers_and_prompts_are_not_taken_for_one_another() {
    for n in 1..40u16 {
        let values = (0..n).map(|i| f16::from_bits(0x3c00 ^ i.wrapping_mul(0x1d3) & 0x3bff)).collect();
        let speaker = Speaker::new(values).unwrap();
        assert_eq!(FileVoice::decode(&speaker.encode().unwrap()).unwrap(), FileVoice::Speaker(speaker));
        let codes = (0..4).map(|r| (0..n).map(|t| (r * 149 + t * 7) % 625).collect()).collect();
        let prompt = VoicePrompt::new(codes).unwrap();
        assert_eq!(FileVoice::decode(&prompt.encode().unwrap()).unwrap(), FileVoice::Codes(prompt));
    }
}

#[test]
fn numbers_are_read_however_they_are_separated() {
    let values: Vec<String> = half().values().iter().map(|v| v.to_f32().to_string()).collect();
    for separator in ["\n", ",", ", ", ";", "\t", "\r\n", ",\n"] {
        let text = values.join(separator);
        assert_eq!(read_bytes(text.as_bytes()).unwrap(), FileVoice::Speaker(half()), "{separator:?}");
    }
}

#[test]
fn texts_that_are_no_voice_say_what_is_expected() {
    let numbers = |n: usize, last: &str| "1,".repeat(n - 1) + last;
    for (text, word) in [
        ("", "it is empty; a voice is 768 numbers"),
        (" \n", "it is empty"),
        ("seed,emb\n1,2", "line 1 holds what is no number"),
        ("1\n2\nx", "line 3 holds"),
        (&numbers(767, "1"), "767 numbers; a voice has 768"),
        (&numbers(768, "nan"), "value 768 of the speaker vector is NaN"),
        (&numbers(768, "1e9"), "value 768 of the speaker vector is inf"),
        (&"0\n".repeat(768), "all zeros"),
        ("蘁淰", "not a speaker string"),
    ] {
        assert!(refusal(text.as_bytes()).contains(word), "{}", refusal(text.as_bytes()));
    }
}

#[test]
fn foreign_files_are_named() {
    assert!(refusal(b"RIFF\xff\xff\0\0WAVE").contains("it is a sound"));
    assert!(refusal(b"\x89PNG\r\n\x1a\n\0").contains("a picture"));
    assert!(refusal(b"PK\x03\x04nonsense").contains("zip archive is damaged"));
    assert!(refusal(&[0xfe, 0, 1]).contains("neither text nor"));
    let e = read_speaker(Path::new("/nowhere/anna.pt")).unwrap_err().to_string();
    assert!(e.contains("cannot read /nowhere/anna.pt"), "{e}");
}

#[test]
fn a_file_larger_than_any_voice_is_not_read_whole() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(1 << 40).unwrap();
    assert!(read_speaker(file.path()).unwrap_err().to_string().contains("larger than 32 MiB"));
    assert!(matches!(read_speaker(&std::env::temp_dir()), Err(Error::Io { .. })));
}

#[test]
fn safetensors_hold_a_vector_or_codes() {
    let file = |name: &str, dtype, shape: Vec<usize>, data: &[u8]| {
        let view = safetensors::tensor::TensorView::new(dtype, shape, data).unwrap();
        safetensors::serialize([(name, view)], None).unwrap()
    };
    let bytes: Vec<u8> = half().values().iter().flat_map(|v| v.to_le_bytes()).collect();
    let vector = file("anything", Dtype::F16, vec![1, 768], &bytes);
    assert_eq!(read_bytes(&vector).unwrap(), FileVoice::Speaker(half()));
    let codes = file("codes", Dtype::U8, vec![2, 2], &[1, 2, 3, 4]);
    let prompt = VoicePrompt::new(vec![vec![1, 2], vec![3, 4]]).unwrap();
    assert_eq!(read_bytes(&codes).unwrap(), FileVoice::Codes(prompt));
    assert!(refusal(&file("x", Dtype::F16, vec![2, 384], &bytes)).contains("shape [2, 384]"));
    assert!(refusal(&file("x", Dtype::U8, vec![4], &[1; 4])).contains("is U8"));
}
