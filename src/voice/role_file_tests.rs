use super::*;
use crate::voice::{Origin, Registry, SeedKind, Speaker, VoicePrompt, VoiceSample, VoiceSpec};
use half::f16;

fn seed(seed: u64) -> Role {
    Role::new(VoiceSpec::Seed(SeedKind::TorchF16, seed))
}

fn speaker() -> VoiceSpec {
    VoiceSpec::from_speaker(Speaker::new(vec![f16::ONE; 768]).unwrap()).unwrap()
}

fn prompt() -> VoicePrompt {
    VoicePrompt::new(vec![vec![5, 6, 7]; 4]).unwrap()
}

fn file_with(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("roles.toml");
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn refusal(text: &str) -> String {
    let (_folder, path) = file_with(text);
    let e = load(&path).unwrap_err().to_string();
    assert!(e.starts_with(&path.display().to_string()), "{e}");
    e
}

#[test]
fn every_kind_of_role_comes_back_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/roles.toml");
    let noted =
        Role { note: Some("calm\n\"quoted\"".into()), source: Some("https://a.example/1".into()), ..seed(3) };
    let sampled = Role {
        sample: Some(VoiceSample { codes: prompt(), text: "what it says".into() }),
        ..Role::new(speaker())
    };
    let sample = Role { sample: sampled.sample.clone(), ..Role::default() };
    let mix = Role::new(VoiceSpec::parse("mix:anna*0.7+b.pt*0.3").unwrap());
    let roles = [("anna", noted), ("7", sampled), ("旁白", sample), ("a.b", mix), ("plain", seed(u64::MAX))];
    for (name, role) in &roles {
        add_role(&path, name, role, false).unwrap();
    }
    let read = load(&path).unwrap();
    assert_eq!(read, roles.into_iter().map(|(name, role)| (name.to_string(), role)).collect());
}

#[test]
fn a_file_written_by_hand_is_read() {
    let (_folder, path) = file_with(
        "[roles]\nbob = { seed = 5 }\n[roles.anna]\nseed = \"-1\"\n[roles.3]\nmix = \"mix: bob + 2*.5\"\n",
    );
    let roles = load(&path).unwrap();
    assert_eq!(roles["bob"], Role::new(VoiceSpec::Seed(SeedKind::TorchF32, 5)));
    assert_eq!(roles["anna"], Role::new(VoiceSpec::Seed(SeedKind::TorchF32, u64::MAX)));
    assert_eq!(roles["3"], Role::new(VoiceSpec::parse("mix:bob*1+2*0.5").unwrap()));
    assert!(load(Path::new("/nowhere/roles.toml")).unwrap().is_empty());
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_line() {
    let speaker = speaker();
    let codes = prompt().encode().unwrap();
    for (text, line, word) in [
        ("[roles.anna]\nsede = 3".to_string(), 2, "unknown key; did you mean `seed`?"),
        ("\nvoices = 3".into(), 2, "unknown key; known: roles"),
        ("[roles.anna]\nseed = 3\nseed = 4".into(), 3, "duplicate key"),
        ("[roles.anna]\nseed = true".into(), 2, "a seed is a number or a text"),
        ("[roles.anna]\nseed = \"warm\"".into(), 1, "role anna: voice: \"warm\" is no seed"),
        ("[roles.anna]\nnote = \"x\"".into(), 1, "one of `seed`, `speaker`, `mix` or `codes`"),
        (format!("[roles.anna]\nseed = 3\nspeaker = \"{speaker}\""), 1, "only one of"),
        ("\n\n[roles.anna]\nspeaker = \"hello\"".into(), 3, "not a speaker string"),
        (format!("[roles.anna]\nspeaker = \"{codes}\""), 1, "belongs into `codes`"),
        (format!("[roles.anna]\ncodes = \"{speaker}\"\ntext = \"a\""), 1, "belongs into `speaker`"),
        (format!("[roles.anna]\ncodes = \"{codes}\""), 1, "need `text`"),
        ("[roles.anna]\nseed = 3\ntext = \"a\"".into(), 1, "without the `codes`"),
        ("[roles.anna]\nmix = \"a*x\"".into(), 1, "weight"),
        ("[roles.\"a b\"]\nseed = 3".into(), 1, "no role's name"),
        ("[roles.anna\nseed = 3".into(), 1, ""),
    ] {
        let e = refusal(&text);
        assert!(e.contains(&format!("line {line}: ")) && e.contains(word), "{text}: {e}");
    }
}

#[test]
fn a_name_that_is_taken_is_replaced_only_if_asked() {
    let (_folder, path) = file_with("");
    add_role(&path, "anna", &seed(1), false).unwrap();
    let e = add_role(&path, "anna", &seed(2), false).unwrap_err().to_string();
    assert!(e.contains("anna is already in"), "{e}");
    assert_eq!(load(&path).unwrap()["anna"], seed(1));
    add_role(&path, "anna", &seed(2), true).unwrap();
    assert_eq!(load(&path).unwrap()["anna"], seed(2));
    remove_role(&path, "anna").unwrap();
    assert!(load(&path).unwrap().is_empty());
    assert!(remove_role(&path, "anna").unwrap_err().to_string().contains("no role anna"));
}

#[test]
fn roles_that_only_point_elsewhere_or_have_bad_names_are_not_written() {
    let (_folder, path) = file_with("# mine\n");
    for voice in
        [VoiceSpec::None, VoiceSpec::Number(3), VoiceSpec::Name("a".into()), VoiceSpec::File("a.pt".into())]
    {
        let e = add_role(&path, "anna", &Role::new(voice), false).unwrap_err().to_string();
        assert!(e.contains("cannot be registered"), "{e}");
    }
    assert!(add_role(&path, "anna", &Role::default(), false).is_err());
    assert!(add_role(&path, "a b", &seed(1), false).is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\n");
}

#[test]
fn comments_and_the_other_roles_text_stay() {
    let text = "# voices of the book\n\n# the narrator\n[roles.anna]\nseed = 1 # warm\n\n# the boy\n[roles.bob]\nseed = 2\n";
    let (_folder, path) = file_with(text);
    add_role(&path, "carl", &seed(3), false).unwrap();
    let added = format!("{text}\n[roles.carl]\nseed = \"torch-f16:3\"\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), added);
    remove_role(&path, "carl").unwrap();
    remove_role(&path, "anna").unwrap();
    let left = "# voices of the book\n\n# the boy\n[roles.bob]\nseed = 2\n";
    assert_eq!(fs::read_to_string(&path).unwrap().trim_end(), left.trim_end());
}

#[test]
fn files_that_cannot_be_edited_by_lines_are_written_anew() {
    let (_folder, path) = file_with("roles = { anna = { seed = 1 }, bob = { seed = 2 } }\n");
    add_role(&path, "carl", &seed(3), false).unwrap();
    remove_role(&path, "anna").unwrap();
    assert_eq!(load(&path).unwrap().into_keys().collect::<Vec<_>>(), ["bob", "carl"]);
    let (_folder, path) =
        file_with("[roles.x]\nseed = 1\nnote = '''\n[roles.anna]\n'''\n[roles.anna]\nseed = 2\n");
    remove_role(&path, "anna").unwrap();
    assert_eq!(load(&path).unwrap()["x"].note.as_deref(), Some("[roles.anna]\n"));
}

#[cfg(unix)]
#[test]
fn permissions_and_links_are_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, path) = file_with("");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path().join("link.toml");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    add_role(&link, "anna", &seed(1), false).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(load(&path).unwrap().contains_key("anna"));
}

#[test]
fn of_many_writers_at_once_none_is_lost() {
    let (_folder, path) = file_with("");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                for i in 0..8 {
                    add_role(path, &format!("w{writer}-{i}"), &seed(i), false).unwrap();
                }
            });
        }
    });
    assert_eq!(load(&path).unwrap().len(), 32);
}

#[test]
fn the_first_file_wins_and_the_shipped_roles_lie_beneath() {
    let (_folder, project) = file_with("[roles.anna]\nseed = 1\n[roles.2222]\nseed = 4\n");
    let (_folder2, user) = file_with("[roles.anna]\nseed = 2\n[roles.bob]\nseed = 3\n");
    let missing = PathBuf::from("/nowhere/roles.toml");
    let registry = Registry::load(&[missing, project.clone(), user.clone()]).unwrap();
    let origin = |name| registry.get(name).unwrap().origin.clone();
    assert_eq!(origin("anna"), Origin::File(project.clone()));
    assert_eq!(origin("bob"), Origin::File(user));
    assert_eq!(origin("2222"), Origin::File(project));
    assert_eq!(origin("2"), Origin::Shipped);
    let names: Vec<&str> = registry.list().iter().map(|role| role.name).collect();
    assert_eq!(names.len(), 16);
    assert_eq!(names[..3], ["2", "1111", "2222"]);
    assert_eq!(names[14..], ["anna", "bob"]);
    assert!(registry.get("carl").is_none());
}

#[test]
fn a_value_of_a_file_is_not_quoted() {
    let e = refusal("roles = \"secret\"");
    assert!(e.contains("line 1: invalid type") && !e.contains("secret"), "{e}");
}

#[test]
fn a_long_key_does_not_make_a_long_message() {
    for key in ["k".repeat(5000), format!("\"k`, expected `x` \\u001b {}\"", "k".repeat(5000))] {
        let e = refusal(&format!("{key} = 1"));
        assert!(e.contains("unknown key; ") && e.ends_with("known: roles") && e.len() < 300, "{e}");
    }
}

#[test]
fn many_roles_are_read_in_no_time() {
    let text: String =
        (0..20_000).map(|i| format!("[roles.r{i}]\nseed = {i}\nnote = \"a note\"\n\n")).collect();
    let (_folder, path) = file_with(&text);
    let start = std::time::Instant::now();
    assert_eq!(load(&path).unwrap().len(), 20_000);
    assert!(start.elapsed().as_secs_f64() < 3.0, "{:?}", start.elapsed());
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_the_lock_does_not_cost_its_target() {
    let (folder, path) = file_with("");
    let target = folder.path().join("target");
    fs::write(&target, "mine").unwrap();
    let lock = folder.path().join(format!(".{}.lock", path.file_name().unwrap().to_str().unwrap()));
    std::os::unix::fs::symlink(&target, &lock).unwrap();
    let e = add_role(&path, "anna", &seed(1), false).unwrap_err().to_string();
    assert!(e.contains(".lock") && e.contains("remove it"), "{e}");
    assert_eq!(fs::read(&target).unwrap(), b"mine");
}
