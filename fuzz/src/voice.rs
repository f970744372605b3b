//! Voices: files, strings, roles.

use chattts_rs::voice::{
    FileVoice, Origin, Registry, VoiceSpec, add_role, check_name, read_codes, read_speaker, remove_role,
    resolve,
};

use crate::{assert_discreet, assert_message, place};

/// The most values that are encoded again: the encoder's time is none of a reader's.
const ENCODED: usize = 4096;

fn assert_voice(voice: &FileVoice) {
    let string = match voice {
        FileVoice::Speaker(speaker) => {
            assert!(speaker.values().iter().all(|value| value.is_finite()));
            (speaker.values().len() <= ENCODED).then(|| speaker.encode())
        }
        FileVoice::Codes(codes) => {
            assert!(codes.codes().iter().all(|row| row.len() == codes.frames()));
            (codes.codes().len() * codes.frames() <= ENCODED).then(|| codes.encode())
        }
    };
    let Some(Ok(string)) = string else { return };
    // More rows than any model has codebooks are not told from a speaker.
    let rows = if let FileVoice::Codes(codes) = voice { codes.codes().len() } else { 1 };
    if rows <= 16 {
        assert_eq!(FileVoice::decode(&string).as_ref().ok(), Some(voice), "another voice comes back");
    }
}

fn assert_file(data: &[u8]) {
    let path = place::file("voice", data);
    match read_speaker(&path) {
        Ok(voice) => assert_voice(&voice),
        // A pickle's objects are called by their classes.
        Err(error)
            if [" made by ", "a reference to "].iter().any(|word| error.to_string().contains(word)) =>
        {
            assert_message(&error.to_string());
        }
        Err(error) => assert_discreet(&error.to_string()),
    }
    match read_codes(&path) {
        Ok(codes) => assert_voice(&FileVoice::Codes(codes)),
        Err(error) => assert_discreet(&error.to_string()),
    }
}

/// Reads a file of a voice, whatever its kind.
pub fn voice_file(data: &[u8]) {
    assert_file(data);
}

/// Reads a file as `torch.save` writes it, a sound archive made of the input: a pickle, and after a mark the values
/// of its tensor.
pub fn torch(data: &[u8]) {
    const MARK: &[u8] = b"VALUES";
    let at = data.windows(MARK.len()).position(|window| window == MARK);
    let (pickle, values) = match at {
        Some(at) => (&data[..at], &data[at + MARK.len()..]),
        None => (data, &[][..]),
    };
    assert_file(&stored(&[("voice/data.pkl", pickle), ("voice/data/0", values)]));
}

/// Packs files into a zip archive without compressing them.
fn stored(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let offset = archive.len() as u32;
        let (size, length) = (bytes.len() as u32, name.len() as u16);
        // Version, flags, method, time, date, checksum, sizes, lengths of name and extra field.
        let mut common = vec![10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        common.extend(crc32(bytes).to_le_bytes());
        common.extend([size.to_le_bytes(), size.to_le_bytes()].concat());
        common.extend(length.to_le_bytes());
        common.extend([0, 0]);
        archive.extend(b"PK\x03\x04");
        archive.extend(&common);
        archive.extend(name.as_bytes());
        archive.extend(*bytes);
        directory.extend(b"PK\x01\x02\x0a\0");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (count, start) = (files.len() as u16, archive.len() as u32);
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0, 0]);
    archive
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum: u32, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

/// Reads a voice by its name. After a zero byte come bytes of LZMA2, which are written as a string first.
pub fn voice_string(data: &[u8]) {
    if let Some((0, packed)) = data.split_first() {
        let string = base16384(packed);
        if let Ok(voice) = FileVoice::decode(&string) {
            assert_voice(&voice);
        }
        return;
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    match FileVoice::decode(text) {
        Ok(voice) => assert_voice(&voice),
        Err(error) => assert_discreet(&error.to_string()),
    }
    match VoiceSpec::parse(text) {
        Ok(spec) => {
            let written = spec.to_string();
            assert_eq!(VoiceSpec::parse(&written).ok(), Some(spec), "{written:?} is read as another voice");
        }
        Err(error) => assert_message(&error.to_string()),
    }
    if let Err(error) = check_name(text) {
        assert_message(&error.to_string());
    }
}

/// Writes bytes as characters of 14 bits, as voices are written.
fn base16384(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(7) {
        let mut bits = [0; 8];
        bits[1..=group.len()].copy_from_slice(group);
        let bits = u64::from_be_bytes(bits);
        let count = (group.len() * 8).div_ceil(14) as u32;
        text.extend(
            (0..count).filter_map(|i| char::from_u32(0x4e00 + (bits >> (42 - 14 * i)) as u32 % 0x4000)),
        );
        if group.len() < 7 {
            text.extend(char::from_u32(0x3d00 + group.len() as u32));
        }
    }
    text
}

/// Reads a file of roles, changes it and reads it again.
pub fn roles(data: &[u8]) {
    let path = place::file("roles.toml", data);
    let registry = match Registry::load(&[&path]) {
        Ok(registry) => registry,
        // Names of keys are said, and of a role what it says, which other files hardly have.
        Err(error) if [": role ", " unknown field "].iter().any(|word| error.to_string().contains(word)) => {
            return assert_message(&error.to_string());
        }
        Err(error) => return assert_discreet(&error.to_string()),
    };
    let load = || Registry::load(&[&path]).expect("a file that was changed can be read");
    let own = |registry: &Registry| -> Vec<(String, chattts_rs::voice::Role)> {
        let list = registry.list().into_iter().filter(|role| matches!(role.origin, Origin::File(_)));
        list.map(|role| (role.name.to_string(), role.role.clone())).collect()
    };
    let before = own(&registry);
    for (name, _) in before.iter().take(4) {
        if let Ok(spec) = VoiceSpec::parse(name)
            && let Err(error) = resolve(&spec, &registry, None)
        {
            assert_message(&error.to_string());
        }
    }
    let Some((_, role)) = before.first() else { return };
    let role = role.clone();
    let name = "zz-added";
    let known = before.iter().any(|(known, _)| known == name);
    match add_role(&path, name, &role, true) {
        Ok(()) => {}
        Err(error) => return assert_message(&error.to_string()),
    }
    let mut wanted: Vec<_> = before.iter().filter(|(known, _)| known != name).cloned().collect();
    let mut found = own(&load());
    let added = found.iter().position(|(known, _)| known == name).expect("the role that was added");
    assert_eq!(found.remove(added).1, role, "another role comes back");
    assert_eq!(found, wanted, "adding a role changes others");
    remove_role(&path, name).expect("a role that is there");
    assert_eq!(own(&load()), wanted, "removing a role changes others");
    if !known && let Some((first, _)) = before.first() {
        remove_role(&path, first).expect("a role that is there");
        wanted.remove(0);
        assert_eq!(own(&load()), wanted, "removing a role changes others");
    }
}
