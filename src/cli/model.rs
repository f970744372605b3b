//! Runs `model download|verify|path|convert|demo|noise`.

use std::path::{Path, PathBuf};

use chattts_rs::ModelSource;
use chattts_rs::backend::{WeightType, write_demo, write_noise};
use chattts_rs::hub::{self, FileState};

use super::args::{ModelArgs, ModelCommand};
use super::options::{self, model_source};
use super::output::{print_line, print_path};
use super::{Context, Usage};

/// The note that is printed before weights are downloaded.
pub const LICENCE_NOTE: &str = "note: ChatTTS's weights are licensed CC BY-NC 4.0: not for commercial use";
/// The same in short.
pub const LICENCE: &str = "licensed CC BY-NC 4.0: not for commercial use";

pub fn run(context: &Context, command: ModelCommand) -> anyhow::Result<()> {
    match command {
        ModelCommand::Download { model } => download(context, &model),
        ModelCommand::Verify { model } => verify(context, &model),
        ModelCommand::Path { model } => path(&model),
        ModelCommand::Convert { file, dtype, model } => convert(context, &file, dtype, &model),
        ModelCommand::Demo { dir } => write(context, &dir, write_demo),
        ModelCommand::Noise { dir, size, seed } => {
            context.report.note("note: these weights are random; they speak noise, not words");
            write(context, &dir, |dir| write_noise(dir, size, seed))
        }
    }
}

/// Writes a model into a folder, and says so if it was there already.
fn write(
    context: &Context,
    dir: &Path,
    write: impl FnOnce(&Path) -> chattts_rs::Result<PathBuf>,
) -> anyhow::Result<()> {
    let files = |dir: &Path| dir.join("asset").exists();
    let was_there = files(dir);
    let folder = write(dir)?;
    if was_there {
        context.report.note(&format!("{} holds this very model already", folder.display()));
    }
    print_path(&folder)
}

fn convert(context: &Context, file: &Path, kind: WeightType, model: &ModelArgs) -> anyhow::Result<()> {
    let checkpoint = options::open(&options::engine(model, context), context)?.checkpoint;
    if checkpoint.packed.is_some() {
        return Err(
            Usage(format!("{} is a packed model already; name what it was made from", model.name())).into()
        );
    }
    checkpoint.pack(file, kind)?;
    print_path(file)
}

fn download(context: &Context, args: &ModelArgs) -> anyhow::Result<()> {
    let (source, config) = model_source(args)?;
    if let ModelSource::Hub { .. } = source {
        context.report.note(LICENCE_NOTE);
    }
    let files = hub::fetch(&source, &config, &mut |event| context.report.transfer(&event))?;
    print_path(&files.root)
}

fn verify(context: &Context, args: &ModelArgs) -> anyhow::Result<()> {
    let (source, config) = model_source(args)?;
    let checks = hub::verify(&source, &config)?;
    let mut bad = 0;
    for check in &checks {
        let state = match &check.state {
            FileState::Published => "ok".to_string(),
            FileState::Differs { found } => format!("differs from the published file (sha256 {found})"),
            FileState::Missing => "missing".to_string(),
            FileState::Unreadable(reason) => format!("unreadable: {reason}"),
        };
        bad += usize::from(check.state != FileState::Published);
        print_line(&format!("{}: {state}", check.file))?;
    }
    if bad > 0 {
        anyhow::bail!(
            "{bad} of {} files are not those of 2Noise/ChatTTS as published; `chattts-rs model download` fetches \
             missing ones, another version or another model may work all the same",
            checks.len()
        );
    }
    context.report.note(&format!("all {} files are as published", checks.len()));
    Ok(())
}

fn path(args: &ModelArgs) -> anyhow::Result<()> {
    let (source, config) = model_source(args)?;
    if let ModelSource::Packed(file) = source {
        return print_path(&file);
    }
    if source.is_builtin() {
        return Err(Usage(format!(
            "{source} has no folder; `chattts-rs model demo DIR` and `model noise DIR` write one"
        ))
        .into());
    }
    print_path(&hub::locate(&source, &config)?.root)
}
