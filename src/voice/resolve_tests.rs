use super::*;
use crate::voice::{VoicePrompt, VoiceSample};
use std::path::PathBuf;

fn stats() -> SpeakerStats {
    SpeakerStats::published().unwrap()
}

fn registry(text: &str) -> (tempfile::TempDir, Registry) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("roles.toml");
    std::fs::write(&path, text).unwrap();
    let registry = Registry::load(&[path]).unwrap();
    (folder, registry)
}

fn resolved(text: &str, registry: &Registry) -> Result<Voice> {
    resolve(&VoiceSpec::parse(text)?, registry, Some(&stats()))
}

fn speaker(text: &str, registry: &Registry) -> Speaker {
    resolved(text, registry).unwrap().speaker.unwrap()
}

fn refusal(text: &str, registry: &Registry) -> String {
    resolved(text, registry).unwrap_err().to_string()
}

fn seed(kind: SeedKind, seed: u64) -> Speaker {
    stats().sample(kind, seed).unwrap()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/voices").join(name)
}

#[test]
fn every_name_of_a_voice_leads_to_it() {
    let known = seed(SeedKind::TorchF16, 2222);
    let (_folder, registry) =
        registry("[roles.anna]\nseed = \"torch-f16:2222\"\n[roles.5]\nseed = \"torch-f16:2222\"\n");
    let file = fixture("f16.pt").display().to_string();
    let string = known.encode().unwrap();
    for text in
        ["torch-f16:2222", "anna", "5", &file, &string, "mix:anna", &format!("mix:{file}*0.5+{string}*.5")]
    {
        assert_eq!(speaker(text, &registry), known, "{text}");
    }
    assert_eq!(resolved("none", &registry).unwrap(), Voice::default());
}

#[test]
fn a_number_is_a_role_before_it_is_a_seed() {
    let (_folder, registry) = registry("[roles.5]\nseed = 77\n");
    assert_eq!(speaker("5", &registry), seed(SeedKind::TorchF32, 77));
    assert_eq!(speaker("torch-f32:5", &registry), seed(SeedKind::TorchF32, 5));
    assert_eq!(speaker("6", &registry), seed(SeedKind::TorchF32, 6));
    assert_eq!(speaker("2222", &registry), seed(SeedKind::TorchF32, 2222));
    assert_eq!(speaker("4294967296", &registry), seed(SeedKind::TorchF32, 0));
}

#[test]
fn a_role_may_bring_a_sample_with_or_without_a_speaker() {
    let prompt = VoicePrompt::new(vec![vec![1, 2]; 4]).unwrap();
    let codes = prompt.encode().unwrap();
    let (_folder, registry) = registry(&format!(
        "[roles.anna]\ncodes = \"{codes}\"\ntext = \"hi there\"\n[roles.bob]\nseed = 3\ncodes = \"{codes}\"\ntext = \"x\"\n"
    ));
    let anna = resolved("anna", &registry).unwrap();
    assert_eq!(
        anna,
        Voice { speaker: None, sample: Some(VoiceSample { codes: prompt.clone(), text: "hi there".into() }) }
    );
    let bob = resolved("bob", &registry).unwrap();
    assert_eq!(
        (bob.speaker, bob.sample),
        (Some(seed(SeedKind::TorchF32, 3)), Some(VoiceSample { codes: prompt, text: "x".into() }))
    );
    assert!(refusal("mix:anna+bob", &registry).contains("anna has no speaker vector"));
    assert!(refusal(&codes, &registry).contains("words must be known"));
}

#[test]
fn a_mix_may_name_roles_that_are_mixes_and_files_beside_the_roles() {
    let (folder, registry) = registry(
        "[roles.a]\nseed = 1\n[roles.b]\nmix = \"a*0.5 + voices/x.pt*0.5\"\n[roles.c]\nmix = \"b*0.5+b*0.5\"\n",
    );
    std::fs::create_dir(folder.path().join("voices")).unwrap();
    std::fs::copy(fixture("f16.pt"), folder.path().join("voices/x.pt")).unwrap();
    let parts = [(seed(SeedKind::TorchF32, 1), 0.5), (seed(SeedKind::TorchF16, 2222), 0.5)];
    assert_eq!(speaker("b", &registry), Speaker::mix(&parts).unwrap());
    assert_eq!(speaker("mix:c*1", &registry), speaker("b", &registry));
}

#[test]
fn roles_that_lead_nowhere_are_refused() {
    let mut text = String::from(
        "[roles.a]\nmix = \"b+2\"\n[roles.b]\nmix = \"a\"\n[roles.9]\nmix = \"9\"\n[roles.l0]\nseed = 1\n[roles.w0]\nseed = 1\n",
    );
    for (last, i) in (1..9).enumerate() {
        text += &format!("[roles.l{i}]\nmix = \"l{last}\"\n");
        text += &format!("[roles.w{i}]\nmix = \"w{last}+w{last}+w{last}+w{last}\"\n");
    }
    let (_folder, registry) = registry(&text);
    assert!(refusal("a", &registry).contains("in a circle: a → b → a"));
    assert!(refusal("9", &registry).contains("in a circle: 9 → 9"));
    assert!(resolved("l7", &registry).is_ok());
    assert!(refusal("l8", &registry).contains("too far"));
    assert!(refusal("w6", &registry).contains("more than 256 voices"));
}

#[test]
fn what_cannot_be_found_is_named() {
    let (_folder, registry) = registry("[roles.anna]\nseed = 1\n");
    let e = refusal("carl", &registry);
    assert!(e.contains("registered as carl") && e.contains("anna") && e.contains("./carl"), "{e}");
    assert!(refusal("nowhere/carl.pt", &registry).contains("no such file: nowhere/carl.pt"));
    assert!(refusal("carl.csv", &registry).contains("no such file: carl.csv"));
    let e = resolve(&VoiceSpec::Number(5), &registry, None).unwrap_err().to_string();
    assert!(e.contains("spk_stat.safetensors"), "{e}");
}
