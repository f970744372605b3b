//! Runs `roles`, which keeps the register of voices.

mod catalogue;

use std::io::Read;
use std::path::{Path, PathBuf};

use chattts_rs::audio::{Encoding, encode};
use chattts_rs::backend::{CpuEncoder, SAMPLE_RATE};
use chattts_rs::speech::{encode_sample, is_audio};
use chattts_rs::text::{NormalizeOptions, normalize};
use chattts_rs::voice::{
    FileVoice, Registered, Registry, Role, SpeakerStats, VoiceSpec, add_role, check_name, read_speaker,
    remove_role, resolve,
};
use chattts_rs::{BatchSize, Error, Event, Overrides, SeedKind, SpeechRequest, Voice, VoiceSample};
use serde_json::json;

use super::args::{AddArgs, CloneArgs, ExportArgs, ImportArgs, PreviewArgs, RolesArgs, RolesCommand};
use super::format::of_flag;
use super::output::{Target, deliver, print_line, print_path, write_file};
use super::plan::DEFAULT_ROLE;
use super::voices;
use super::{Context, Usage, options, scan, stream};

/// The text that `roles preview` speaks.
const PREVIEW: &str = "你好，这是我的声音。Hello, this is my voice.";
/// The most bytes of a voice string, which is far shorter.
const MAX_STRING: u64 = 1 << 20;

pub fn run(context: &Context, args: &RolesArgs) -> anyhow::Result<()> {
    let file = args.roles.as_deref();
    match &args.command {
        RolesCommand::List { json } => list(&registry(file)?, *json),
        RolesCommand::Show { role } => show(&registry(file)?, role),
        RolesCommand::Add(add) => self::add(context, &edited(file)?, add),
        RolesCommand::Remove { name } => Ok(remove_role(&edited(file)?, name)?),
        RolesCommand::Export(export) => self::export(&registry(file)?, export),
        RolesCommand::Import(ImportArgs { catalogue: Some(catalogue), top, replace, .. }) => {
            catalogue::import(context, &edited(file)?, catalogue, *top, *replace)
        }
        RolesCommand::Import(import) => self::import(context, &edited(file)?, import),
        RolesCommand::Clone(clone) => self::clone(context, &edited(file)?, clone),
        RolesCommand::Preview(preview) => self::preview(context, &registry(file)?, preview),
        RolesCommand::Scan(scan) => scan::run(context, scan),
        RolesCommand::Find(find) => scan::find(find),
    }
}

/// Returns the file to change: the one that is named, which may be new, or the user's own.
fn edited(file: Option<&Path>) -> anyhow::Result<PathBuf> {
    match file {
        Some(file) => Ok(file.to_path_buf()),
        None => voices::user_roles(),
    }
}

fn registry(file: Option<&Path>) -> anyhow::Result<Registry> {
    voices::registry(file)
}

/// Describes a role in short.
fn kind(role: &Role) -> String {
    const SHOWN: usize = 24;
    let voice = role.voice.as_ref().map(|voice| {
        let text = voice.to_string();
        match text.chars().count() > SHOWN && !matches!(voice, VoiceSpec::Mix(_)) {
            true => text.chars().take(SHOWN).chain(['…']).collect(),
            false => text,
        }
    });
    let sample =
        role.sample.as_ref().map(|sample| format!("sample of {:.1} s", seconds(sample.codes.frames())));
    [voice, sample].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn seconds(frames: usize) -> f64 {
    const SAMPLES_PER_CODE: f64 = 512.0;
    frames as f64 * SAMPLES_PER_CODE / f64::from(SAMPLE_RATE)
}

fn record(registered: &Registered) -> serde_json::Value {
    let role = registered.role;
    json!({
        "name": registered.name,
        "voice": role.voice.as_ref().map(VoiceSpec::to_string),
        "text": role.sample.as_ref().map(|sample| &sample.text),
        "seconds": role.sample.as_ref().map(|sample| seconds(sample.codes.frames())),
        "note": role.note,
        "source": role.source,
        "from": registered.origin.to_string(),
    })
}

fn list(registry: &Registry, json: bool) -> anyhow::Result<()> {
    for registered in registry.list() {
        if json {
            print_line(&record(&registered).to_string())?;
        } else {
            let note = registered.role.note.as_deref().unwrap_or_default();
            let fields = [registered.name, &kind(registered.role), &registered.origin.to_string(), note];
            print_line(fields.join("\t").trim_end())?;
        }
    }
    Ok(())
}

fn show(registry: &Registry, role: &str) -> anyhow::Result<()> {
    let registered = registry.get(role).ok_or_else(|| unknown(role))?;
    let voice = found(registry, role)?;
    let mut record = record(&registered);
    record["speaker"] = voice
        .speaker
        .map(|speaker| speaker.values().iter().take(4).map(|v| v.to_f32()).collect::<Vec<_>>())
        .into();
    print_line(&serde_json::to_string_pretty(&record)?)
}

fn unknown(role: &str) -> Error {
    Error::Speaker(format!("no role {role:?} is registered; `chattts-rs roles list` shows those that are"))
}

/// Finds the voice of a role with the published model's statistics of voices.
fn found(registry: &Registry, role: &str) -> anyhow::Result<Voice> {
    Ok(resolve(&VoiceSpec::parse(role)?, registry, Some(&SpeakerStats::published()?))?)
}

/// Registers a role. A number stands for a seed too: whoever gives it to a role is told, and where it is that of a
/// shipped role, must say that it is to be replaced.
fn register(context: &Context, path: &Path, name: &str, role: &Role, replace: bool) -> anyhow::Result<()> {
    let is_number = name.bytes().all(|b| b.is_ascii_digit());
    if is_number && !replace && Registry::shipped().get(name).is_some() {
        let default = if name == DEFAULT_ROLE { ", the voice where none is named" } else { "" };
        return Err(anyhow::anyhow!(
            "{name} is a role of the program's own{default}; --replace puts yours in its place, or choose another name"
        ));
    }
    add_role(path, name, role, replace)?;
    if is_number {
        let kind = SeedKind::default();
        context.report.warn(&format!(
            "{name} is this role from now on, and no longer the voice of seed {name}, which is {kind}:{name}"
        ));
    }
    Ok(())
}

fn add(context: &Context, path: &Path, args: &AddArgs) -> anyhow::Result<()> {
    check_name(&args.name)?;
    if let Some(scan) = &args.from {
        let found = scan::of_scan(scan, &args.role)?;
        let mut role = match VoiceSpec::parse(&found.role)? {
            VoiceSpec::File(path) => of_file(&path, args.text.as_deref())?,
            spec => Role::new(spec),
        };
        role.note = args.note.clone().or(Some(found.label));
        return register(context, path, &args.name, &role, args.replace);
    }
    if is_audio(&args.role) {
        let hint = format!("roles clone --wav {} --text … --name {}", args.role, args.name);
        return Err(Usage(format!("{} is a spoken sample; use `{hint}`", args.role)).into());
    }
    let mut role = match VoiceSpec::parse(&args.role).map_err(|e| Usage(e.to_string()))? {
        VoiceSpec::None => return Err(Usage("`none` is no voice to register".into()).into()),
        // What the number means must not change with what else is registered.
        VoiceSpec::Number(seed) => Role::new(VoiceSpec::Seed(SeedKind::default(), seed)),
        VoiceSpec::File(path) => of_file(&path, args.text.as_deref())?,
        VoiceSpec::String { voice: FileVoice::Codes(codes), .. } => Role {
            sample: Some(VoiceSample { codes, text: words(args.text.as_deref())? }),
            ..Role::default()
        },
        spec => Role::new(spec),
    };
    role.note.clone_from(&args.note);
    register(context, path, &args.name, &role, args.replace)
}

fn words(text: Option<&str>) -> anyhow::Result<String> {
    let missing = || Usage("it holds the codes of a sample; give what that says with --text".into());
    Ok(text.ok_or_else(missing)?.to_string())
}

/// Makes a role of the voice in a file, so that the file is not needed any more.
fn of_file(path: &Path, text: Option<&str>) -> anyhow::Result<Role> {
    let mut role = match read_speaker(path)? {
        FileVoice::Speaker(speaker) => Role::new(VoiceSpec::from_speaker(speaker)?),
        FileVoice::Codes(codes) => {
            Role { sample: Some(VoiceSample { codes, text: words(text)? }), ..Role::default() }
        }
    };
    role.source = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(role)
}

fn export(registry: &Registry, args: &ExportArgs) -> anyhow::Result<()> {
    let voice = found(registry, &args.role)?;
    let string = match (voice.speaker, voice.sample) {
        (Some(speaker), _) => speaker.encode()?,
        (None, Some(sample)) => sample.codes.encode()?,
        (None, None) => return Err(Usage("`none` is no voice to export".into()).into()),
    };
    match args.out.as_deref().filter(|out| *out != Path::new("-")) {
        Some(path) if is_audio(&path.to_string_lossy()) => {
            let name = path.display();
            Err(Usage(format!(
                "--out {name}: a voice string is text, and that would pass for sound; name a .txt file"
            ))
            .into())
        }
        Some(path) => {
            write_file(path, format!("{string}\n").as_bytes())?;
            print_path(path)
        }
        None => print_line(&string),
    }
}

fn import(context: &Context, path: &Path, args: &ImportArgs) -> anyhow::Result<()> {
    let Some(file) = &args.file else { return Ok(()) };
    let is_toml = file.extension().is_some_and(|ending| ending == "toml");
    if is_toml {
        if !file.exists() {
            return Err(anyhow::anyhow!("cannot read {}: there is no such file", file.display()));
        }
        let theirs = Registry::load(&[file])?;
        let own = |role: &Registered| role.origin.to_string() == file.display().to_string();
        let roles: Vec<_> = theirs.list().into_iter().filter(own).collect();
        for registered in &roles {
            register(context, path, registered.name, registered.role, args.replace)?;
        }
        context.report.note(&format!("{} roles are registered in {}", roles.len(), path.display()));
        return Ok(());
    }
    let role = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().take(MAX_STRING).read_to_string(&mut text)?;
        match VoiceSpec::parse(text.trim())? {
            VoiceSpec::String { voice: FileVoice::Codes(codes), .. } => Role {
                sample: Some(VoiceSample { codes, text: words(args.text.as_deref())? }),
                ..Role::default()
            },
            spec @ VoiceSpec::String { .. } => Role::new(spec),
            _ => return Err(Error::Speaker("standard input holds no voice string".into()).into()),
        }
    } else {
        of_file(file, args.text.as_deref())?
    };
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = args.name.clone().or(stem).unwrap_or_default();
    check_name(&name).map_err(|e| Usage(format!("{e}; give another with --name")))?;
    register(context, path, &name, &role, args.replace)?;
    context.report.note(&format!("{name} is registered in {}", path.display()));
    Ok(())
}

fn clone(context: &Context, path: &Path, args: &CloneArgs) -> anyhow::Result<()> {
    check_name(&args.name)?;
    if normalize(&args.text, &NormalizeOptions::default()).text.trim().is_empty() {
        return Err(Usage("--text: nothing in it is spoken; give what the sample says".into()).into());
    }
    let model = options::open(&options::engine(&args.model, context), context)?;
    let encoder = CpuEncoder::load(&model.checkpoint.dvae)?;
    let mut warnings = Vec::new();
    let codes = encode_sample(&args.wav, &encoder, &mut warnings);
    warnings.iter().for_each(|warning| context.report.warn(&warning.message));
    let codes = codes?;
    let frames = codes.frames();
    let role = Role {
        sample: Some(VoiceSample { codes, text: args.text.clone() }),
        note: args.note.clone(),
        source: args.wav.file_name().map(|name| name.to_string_lossy().into_owned()),
        ..Role::default()
    };
    register(context, path, &args.name, &role, args.replace)?;
    context.report.note(&format!(
        "{} ({:.1} s) is registered in {}",
        args.name,
        seconds(frames),
        path.display()
    ));
    Ok(())
}

fn preview(context: &Context, registry: &Registry, args: &PreviewArgs) -> anyhow::Result<()> {
    let target = Target::new(Some(&args.out), None)?;
    let encoding = Encoding::new(of_flag(None, "--out", &args.out)?, None, None)?;
    let mut options = options::engine(&args.model, context);
    options::compute(&mut options, &args.compute, &context.report)?;
    options.batch_size = BatchSize::Fixed(1);
    VoiceSpec::parse(&args.role)?;
    let model = options::open(&options, context)?;
    let mut overrides = Overrides::default();
    overrides.role = Some(args.role.clone());
    overrides.sampling.seed = Some(args.seed);
    overrides.split = Some(false);
    let request = SpeechRequest::new(args.text.as_deref().unwrap_or(PREVIEW)).with(overrides);
    let engine = options::start(model, registry.clone(), &options)?;
    context.interrupt.watch();
    let mut speech = engine.speak(request)?;
    let mut samples = Vec::new();
    while let Some(event) = speech.next_within(stream::LOOK) {
        match event? {
            Some(Event::Samples(more)) => samples.extend(more),
            Some(Event::Done(_)) => return deliver(&target, &encode(&samples, &encoding)?),
            _ if context.interrupt.check().is_break() => break,
            _ => {}
        }
    }
    Err(Error::Interrupted.into())
}
