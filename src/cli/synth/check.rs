//! Refuses flags of `synth` that do not go together, and finds a file for whom names none.

use std::path::{Path, PathBuf};

use chattts_rs::audio::{Format, LOUDNESS_TARGETS};
use chattts_rs::batch::{NameFields, NameTemplate, is_address};
use chattts_rs::speech::is_audio;
use chattts_rs::{Error, hub};

use super::super::args::{SubtitleKind, SynthArgs};
use super::super::input::Utterance;
use super::super::output::Target;
use super::super::{Context, Usage, guess, model, options, voices};

/// Refuses what only looks like a text to be spoken.
pub fn check_guess(args: &SynthArgs) -> Result<(), Usage> {
    if args.list_voices {
        return Err(Usage("voices are listed by another command: `chattts-rs roles list`".into()));
    }
    match args.texts.positional.first().filter(|first| args.is_guessed && guess::is_command(first)) {
        Some(command) => Err(Usage(format!("the command goes before its flags: chattts-rs {command} …"))),
        None => Ok(()),
    }
}

/// Refuses to download the weights where neither they nor a file to write were asked for.
pub fn check_weights(args: &SynthArgs) -> anyhow::Result<()> {
    if args.model.model.is_some() {
        return Ok(());
    }
    let (source, config) = options::model_source(&args.model)?;
    if hub::locate(&source, &config).is_ok() {
        return Ok(());
    }
    anyhow::bail!(
        "this would speak with {source}, whose weights are not on this machine; 1.1 GB are not downloaded unasked\n\
         add `--model demo` to speak at once, with the small voice that the program carries, or\n\
         `chattts-rs model download` fetches the weights, once ({licence})",
        licence = model::LICENCE
    )
}

/// Refuses flags that contradict one another in ways that clap does not know.
pub fn check_settings(args: &SynthArgs) -> anyhow::Result<()> {
    let overrides = &args.overrides;
    let tags = overrides.tags()?;
    if args.negations.no_refine && !tags.refining.is_empty() {
        return Err(Usage(format!("--no-refine contradicts {} in --prompt", tags.refining)).into());
    }
    if let (Some(role), None) = (&overrides.role, &overrides.role_text)
        && is_audio(role)
    {
        return Err(Usage(voices::needs_words(role)).into());
    }
    if let Some(path) = &overrides.voice_codes {
        chattts_rs::voice::read_codes(Path::new(path))?;
    }
    Ok(())
}

/// Refuses output flags that the audio cannot satisfy.
pub fn check_output(args: &SynthArgs) -> anyhow::Result<()> {
    for (flag, place) in [("--dump", &args.output.dump), ("--stems", &args.talk.stems)] {
        if let Some(place) = place.as_deref().filter(|place| is_address(place)) {
            let place = place.display();
            return Err(
                Usage(format!("{flag} {place}: it takes a folder; object stores are for --out-dir")).into()
            );
        }
    }
    let loudness = args.overrides.normalize_loudness;
    if let Some(target) = loudness
        && !LOUDNESS_TARGETS.contains(&target)
    {
        let (from, to) = (LOUDNESS_TARGETS.start(), LOUDNESS_TARGETS.end());
        return Err(Usage(format!("--normalize-loudness {target}: {from} to {to} LUFS are taken")).into());
    }
    if args.output.subtitles.is_some() && args.output.out.as_deref() == Some(Path::new("-")) {
        return Err(
            Usage("--subtitles: standard output carries the audio alone; use --out FILE".into()).into()
        );
    }
    Ok(())
}

/// The names of a file that nobody named: after the file of the texts or the first text, then with numbers.
pub struct DefaultNames {
    stem: String,
    extension: &'static str,
    subtitles: Option<&'static str>,
    tried: usize,
}

impl DefaultNames {
    /// Begins with the name that has no number.
    pub fn new(args: &SynthArgs, utterances: &[Utterance], format: Format) -> anyhow::Result<Self> {
        let file = args.texts.file.as_deref().filter(|file| *file != Path::new("-"));
        let is_first = args.texts.text.is_empty() && args.texts.positional.is_empty();
        let stem = file.filter(|_| is_first).and_then(Path::file_stem).map(|stem| stem.to_string_lossy());
        let text = utterances.first().and_then(|first| first.raw().ok()).unwrap_or_default();
        let template = if stem.is_some() { "{id}" } else { "{text}" };
        let fields = NameFields { index: 0, id: stem.as_deref(), seed: 0, role: None, key: "", text };
        let stem = template.parse::<NameTemplate>()?.render(&fields).display().to_string();
        let subtitles = args.output.subtitles.map(SubtitleKind::extension);
        Ok(DefaultNames { stem, extension: format.extension(), subtitles, tried: 0 })
    }

    /// Returns the next file that is not there yet.
    pub fn free(&mut self) -> PathBuf {
        loop {
            self.tried += 1;
            let path = PathBuf::from(match self.tried {
                1 => format!("{}.{}", self.stem, self.extension),
                number => format!("{}-{number}.{}", self.stem, self.extension),
            });
            let taken = |path: &Path| path.symlink_metadata().is_ok();
            if !taken(&path)
                && !self.subtitles.is_some_and(|extension| taken(&path.with_extension(extension)))
            {
                return path;
            }
        }
    }
}

/// Ends a run without texts: an empty list is done at once, but a file that was asked for cannot be made from
/// it.
pub fn nothing(context: &Context, target: &Target) -> anyhow::Result<()> {
    match target {
        Target::Folder(_) => {
            context.report.note("no text: nothing to do");
            Ok(())
        }
        _ => Err(Error::EmptyText("the input holds no text".into()).into()),
    }
}
