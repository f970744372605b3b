//! From codes to waves, beside the engine.

use std::sync::mpsc::{Receiver, SyncSender};

use super::conductor::Piece;
use crate::chat_tts::Speech;
use crate::engine::{Codes, Decoder};
use crate::error::{Error, Result};
use crate::model::{Rendered, Renderer};

/// Steps whose codes are rendered together, about: what is rendered at once sits in memory several times.
pub(crate) const GROUP_STEPS: usize = 1024;

/// Renders what comes, grouped with what has come meanwhile, until nothing comes any more.
pub(super) fn render_loop(
    renderer: &Renderer,
    codes: &Receiver<(Piece, Box<Codes>)>,
    waves: &SyncSender<(Piece, Result<Speech>)>,
) {
    while let Ok(first) = codes.recv() {
        let mut group = vec![first];
        let mut steps = group[0].1.tokens.len();
        while steps < GROUP_STEPS
            && let Ok(next) = codes.try_recv()
        {
            steps += next.1.tokens.len();
            group.push(next);
        }
        let (from_hiddens, from_codes): (Vec<_>, Vec<_>) =
            group.into_iter().partition(|(_, codes)| codes.decoder == Decoder::HiddenStates);
        for (kind, group) in [(Decoder::HiddenStates, from_hiddens), (Decoder::Codes, from_codes)] {
            let rendered = render(renderer, kind, &group);
            for ((piece, codes), rendered) in group.into_iter().zip(rendered) {
                let speech = rendered.map(|Rendered { mel, wave }| Speech { wave, mel, codes: *codes });
                if waves.send((piece, speech)).is_err() {
                    return;
                }
            }
        }
    }
}

fn render(renderer: &Renderer, kind: Decoder, group: &[(Piece, Box<Codes>)]) -> Vec<Result<Rendered>> {
    if group.is_empty() {
        return Vec::new();
    }
    let all: Vec<&Codes> = group.iter().map(|(_, codes)| &**codes).collect();
    match render_codes(renderer, kind, &all) {
        Ok(rendered) => rendered.into_iter().map(Ok).collect(),
        // One that cannot be rendered must not cost the others.
        Err(_) => all
            .iter()
            .map(|codes| {
                let one = render_codes(renderer, kind, &[codes])?;
                one.into_iter().next().ok_or_else(|| Error::Audio("nothing was rendered".into()))
            })
            .collect(),
    }
}

/// Renders sequences of codes from their hidden states or from the codes alone.
pub(crate) fn render_codes(renderer: &Renderer, kind: Decoder, all: &[&Codes]) -> Result<Vec<Rendered>> {
    match kind {
        Decoder::HiddenStates => {
            renderer.from_hiddens(&all.iter().map(|codes| codes.hiddens.as_slice()).collect::<Vec<_>>())
        }
        Decoder::Codes => {
            let rows: Vec<_> = all.iter().map(|codes| codes.by_codebook()).collect();
            renderer.from_codes(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>())
        }
    }
}
