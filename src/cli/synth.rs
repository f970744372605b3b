//! Runs `synth`: turns flags into lines, and lines into files.

mod check;
mod job;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use chattts_rs::batch::{NameTemplate, Names};
use chattts_rs::speech::{Composer, FileRule, Voices, random_seed};
use chattts_rs::{BackendChoice, BatchSize, DeviceChoice, Engine};

use self::check::{DefaultNames, check_guess, check_output, check_settings, check_weights, nothing};
use self::job::Job;
use super::args::{OutputArgs, SynthArgs};
use super::cast;
use super::input::{self, Form, gather, is_manifest};
use super::output::Target;
use super::places::Places;
use super::plan::{Failed, PlannedLine, Planner, follow_first, name};
use super::play::Player;
use super::shard::{self, Deal};
use super::{Context, Usage, format, options, stream, talk, voices};

/// The seed where none is given and the files of earlier runs must be recognised.
const RESUME_SEED: u64 = 0;

pub fn run(context: &Context, mut args: SynthArgs) -> anyhow::Result<()> {
    // All that can be wrong is found before the model is loaded, let alone downloaded.
    check_guess(&args)?;
    let mut options = options::engine(&args.model, context);
    let devices = options::devices(&mut options, &args.compute, &context.report)?;
    options.batch_size = options::batch_size(&args.batch.batch_size)?;
    check_settings(&args)?;
    args.negations.apply(&mut args.overrides);
    args.overrides.validate()?;
    let form = form(&mut args);
    // clap does not ask for --out-dir where --out excludes it.
    if args.talk.chapters && args.output.out_dir.is_none() {
        return Err(
            Usage("--chapters: each chapter has a file; name their folder with --out-dir".into()).into()
        );
    }
    let cast = match args.talk.dialogue.is_some() || !args.talk.cast.is_empty() {
        true => Some(cast::read(&args.talk.cast)?),
        false => None,
    };
    if !args.talk.cast.is_empty() && !matches!(form, Form::Dialogue | Form::Cues { .. }) {
        return Err(Usage("--cast: a cast speaks a conversation; give one with --dialogue".into()).into());
    }
    let bits = args.output.bits.as_deref().map(str::parse).transpose()?;
    let asked = args.output.format;
    let (template, format) = match &args.output.out {
        Some(out) => (None, format::of_flag(asked, "--out", out)?),
        None => {
            let name = args.batch.name.as_deref().or(default_name(form, args.batch.shard.is_some()));
            let (template, format) = format::of_template(asked, name)?;
            (Some((template.parse::<NameTemplate>()?, template)), format)
        }
    };
    let shard = args.batch.shard.as_deref().map(shard::parse).transpose()?;
    if let (Some(_), Some((template, written))) = (&shard, &template)
        && !template.is_of_line()
    {
        return Err(Usage(format!(
            "--name {written}: with --shard names are made of {{index}} and {{id}} alone, by which all shards agree"
        ))
        .into());
    }
    if args.output.play && args.output.out.as_deref() == Some(Path::new("-")) {
        return Err(Usage(
            "--play: standard output is no file; pipe it to a player, or leave --out away".into(),
        )
        .into());
    }
    let player = args.output.play.then(|| Player::find(format)).transpose()?;
    let encoding = chattts_rs::audio::Encoding::new(format, bits, args.overrides.sample_rate)?;
    if args.batch.report.as_deref() == Some(Path::new("-")) {
        args.batch.report = None;
        args.batch.json = true;
    }
    check_output(&args)?;
    let target = match (args.output.stream, &args.output) {
        (true, _) => {
            stream::check(&args, &encoding)?;
            if devices.len() > 1 {
                return Err(options::several(&args.compute));
            }
            Some(Target::Stdout)
        }
        (_, OutputArgs { out: None, out_dir: None, .. }) => None,
        (_, OutputArgs { out, out_dir, .. }) => Some(Target::new(out.as_deref(), out_dir.as_deref())?),
    };
    // clap does not ask for --out-dir where --out excludes it.
    let is_for_folder =
        args.batch.name.is_some() || args.batch.resume || args.batch.prune || args.batch.shard.is_some();
    if args.output.out_dir.is_none() && is_for_folder {
        return Err(Usage(
            "--name, --resume, --prune and --shard are for --out-dir, where every line has a file".into(),
        )
        .into());
    }
    if args.batch.json && matches!(target, Some(Target::Stdout)) {
        return Err(Usage("--json: standard output carries the audio; use --report FILE".into()).into());
    }
    let registry = voices::registry(args.roles.file.as_deref())?;
    if let Some(role) = &args.overrides.role {
        voices::check(role, &registry)?;
    }
    let is_manifest = form == Form::Manifest;
    if is_manifest && target.is_none() {
        let needs = "a manifest: --out-dir DIR takes a file per line, --out FILE one file for all lines";
        return Err(Usage(needs.into()).into());
    }
    let mut utterances = gather(&args.texts, form)?;
    if let Some(album) = &args.talk.album {
        utterances.iter_mut().filter_map(|u| u.tags.as_mut()).for_each(|tags| tags.album.clone_from(album));
    }
    let is_named = target.is_some();
    let mut default_names = None;
    let target = match target {
        Some(target) => target,
        None => {
            let names = default_names.insert(DefaultNames::new(&args, &utterances, format)?);
            Target::File(names.free())
        }
    };
    if utterances.is_empty() {
        // More likely a list that failed to be made than one whose every line is gone.
        if args.batch.prune {
            context.report.warn("--prune: the input is empty, so nothing was removed");
        }
        return nothing(context, &target);
    }
    let places = Places::new(&args, utterances.len())?;
    let deal = shard.zip(template.as_ref()).map(|((shard, by), (_, template))| {
        let all = utterances.len();
        let deal = Deal::new(shard, template, form.has_rows(), &mut utterances);
        context.report.note(&format!("shard {shard} by {by}: {} of {all} lines", utterances.len()));
        deal
    });
    // A text that is to go in untouched, or to be compared, goes in whole.
    if args.overrides.split.is_none() && (args.negations.no_normalize || args.output.dump.is_some()) {
        args.overrides.split = Some(false);
    }
    if args.is_guessed || !is_named {
        check_weights(&args)?;
    }
    if !is_named {
        context.report.note(&format!("speaking with the model {}", args.model.name()));
    }
    // Shards draw no seeds of their own, and a task that is started again finds what it has made.
    let drawn = match (args.overrides.sampling.seed, args.batch.resume || deal.is_some()) {
        (Some(_), _) => None,
        (None, true) => {
            args.overrides.sampling.seed = Some(RESUME_SEED);
            None
        }
        (None, false) => {
            let seed = random_seed();
            args.overrides.sampling.seed = Some(seed);
            Some(seed)
        }
    };

    let seed = args.overrides.sampling.seed.unwrap_or(RESUME_SEED);
    let (cast, parts) = talk::complete(cast, &utterances, &registry, seed);
    if !parts.is_empty() {
        context.report.note(&format!("--cast {}", talk::written(&parts)));
    }
    let model = options::open(&options, context)?;
    let composer = Composer {
        voices: Voices::new(&model.checkpoint, registry),
        homophones: args.homophones.table()?,
        cues: args.output.subtitles.is_some(),
        files: match args.allow_files {
            true => FileRule::Any,
            false => FileRule::Under(input::folder(&args.texts)),
        },
    };
    let composer = Arc::new(composer);
    if args.overrides.role.is_none() && args.overrides.voice_codes.is_none() && !composer.voices.has_default()
    {
        context
            .report
            .warn("this model brings no statistics of voices, so there is no default voice; it chooses one");
    }
    let device = devices.first().copied().unwrap_or_default();
    let (backend, _) = options.backend.resolve(device)?;
    let planner = Planner {
        report: &context.report,
        composer: &composer,
        overrides: &args.overrides,
        format,
        asked,
        in_folder: matches!(target, Target::Folder(_)),
        bits,
        json_input: form.has_rows(),
        cast: cast.as_ref(),
        model: model.fingerprint.clone(),
        // What `auto` comes to, not its name: that may come to something else in another version.
        compute: match (backend, device, backend.precision(device, options.precision)?) {
            (BackendChoice::Candle, device, precision) => format!("candle {device:?} {}", precision.name()),
            (_, DeviceChoice::Cuda(_), precision) => format!("cuda {}", precision.name()),
            (_, _, precision) => format!("{:?}", precision.weight_type()),
        },
        // Subtitles are written with their file alone, so a file without them is not done.
        extra: vec![("subtitles".into(), format!("{:?}", args.output.subtitles))],
    };
    let (mut planned, mut failed) = planner.plan(&utterances);
    let ends = utterances.iter().filter_map(|utterance| Some(utterance.slot?.end));
    let length = args.talk.length.or(ends.reduce(f64::max));
    talk::time(&mut planned, args.talk.gap, length)?;
    let firsts = if args.voice_from_first { follow_first(&mut planned) } else { BTreeMap::new() };
    let stems = match &args.talk.stems {
        Some(dir) => talk::stems(dir, target.file(), format.extension(), &mut planned)?,
        None => Vec::new(),
    };
    let mut job = Job {
        context,
        args: &args,
        target,
        default_names,
        player,
        total: utterances.len(),
        firsts,
        stems,
        book: Vec::new(),
        drawn,
        deal,
    };
    let names = match (&job.target, template) {
        (Target::Folder(store), Some((template, _))) => {
            let names = places.reserve(&store.place(), Names::new(template))?;
            let mut names = match args.output.subtitles {
                Some(kind) => names.with_beside(kind.extension()),
                None => names,
            };
            if args.talk.chapters {
                names.reserve(talk::PLAYLIST, "--chapters");
            }
            match &job.deal {
                Some(deal) => deal.name(&mut planned, &mut failed, names),
                None => name(&mut planned, &mut failed, names),
            }
        }
        _ => {
            one_encoding(&mut planned, &mut failed);
            HashSet::new()
        }
    };
    let chapters = planned.iter().filter_map(|line| Some((line.name.clone(), line.tags.clone()?)));
    job.book = chapters.collect();
    let is_stream = args.output.stream;
    let load = |pieces: usize| {
        // A slot that no piece will fill only takes memory.
        options.batch_size = match options.batch_size {
            BatchSize::Fixed(size) => BatchSize::Fixed(size.min(pieces)),
            _ if is_stream => BatchSize::Fixed(pieces.min(stream::SLOTS)),
            _ => BatchSize::UpTo(pieces),
        };
        Ok(Engine::start(model, composer, &options)?)
    };
    if is_stream {
        let pieces = planned.iter().map(|line| line.line.pieces.len()).max().unwrap_or(1);
        return stream::run(context, &load(pieces)?, planned, &failed, drawn);
    }
    job.run(planned, failed, &names, load)
}

/// Says what the texts are, and makes the file of a conversation or of subtitles that of the texts.
fn form(args: &mut SynthArgs) -> Form {
    let talk = &args.talk;
    if let Some(file) = talk.dialogue.as_ref().or(talk.srt_input.as_ref()) {
        args.texts.file = Some(file.clone());
        return match talk.dialogue.is_some() {
            true => Form::Dialogue,
            false => Form::Cues { has_cast: !talk.cast.is_empty() },
        };
    }
    let is_document = args.overrides.markup.kind().is_document();
    if talk.chapters {
        return Form::Chapters { is_markdown: is_document };
    }
    let is_manifest = args.json_input || !is_document && args.texts.file.as_deref().is_some_and(is_manifest);
    match (is_manifest, is_document) {
        (true, _) => Form::Manifest,
        (false, true) => Form::Document,
        (false, false) => Form::Lines,
    }
}

/// Returns the template of names where none is given, if it is not that of all lines.
fn default_name(form: Form, is_shard: bool) -> Option<&'static str> {
    match form {
        Form::Dialogue if !is_shard => Some("{index:05}-{role}"),
        Form::Chapters { .. } => Some("{id}"),
        _ => None,
    }
}

/// Refuses lines whose sample rate differs from the first line's, where all go into one file.
fn one_encoding(planned: &mut Vec<PlannedLine>, failed: &mut Vec<Failed>) {
    let Some(first) = planned.first().map(|line| line.encoding) else { return };
    let (same, other) = std::mem::take(planned).into_iter().partition(|line| line.encoding == first);
    *planned = same;
    failed.extend(other.into_iter().map(|line| Failed {
        index: line.index,
        label: line.label,
        id: line.id,
        speaker: line.speaker,
        error: anyhow::anyhow!("`sample_rate` differs from that of the lines it is joined with"),
    }));
}
