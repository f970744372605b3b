//! Renders waves from codes, beside the engine.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

use super::state::RunState;
use crate::backend::{Fresh, GROUP_STEPS, Mel, Rendered, Renderer, WaveStream};
use crate::engine::{Codes, Decoder, RequestId};
use crate::error::{Error, Result};
use crate::voice::VoicePrompt;

/// A task for the renderer.
pub(super) enum Task {
    /// Render a whole piece; if `encodes`, encode its sound as a sample to continue too.
    Whole { id: RequestId, codes: Box<Codes>, encodes: bool },
    /// Render the tokens that a streaming piece has drawn since the last task.
    Grown { id: RequestId, tokens: Vec<Vec<u32>>, hiddens: Vec<f32>, decoder: Decoder },
    /// Forget a piece.
    Forget { id: RequestId },
}

/// The result of a task.
pub(super) struct Sound {
    /// The times between which it was made.
    pub made: (Instant, Instant),
    /// Samples since the last sound of this piece.
    pub samples: Vec<f32>,
    /// The other results, where the piece is complete.
    pub whole: Option<Whole>,
}

/// The codes and the mel of a complete piece, and its sound as a sample to continue.
pub(super) struct Whole {
    pub codes: Box<Codes>,
    /// Mel of the piece; None if it was streamed.
    pub mel: Option<Mel>,
    pub sample: Option<VoicePrompt>,
}

/// A piece that streams.
struct Stream {
    wave: WaveStream,
    /// Number of its tokens that the wave has.
    tokens: usize,
    /// All samples that were given out.
    samples: Vec<f32>,
}

impl Stream {
    fn new(renderer: &Renderer, decoder: Decoder) -> Result<Self> {
        Ok(Stream { wave: renderer.grow(decoder)?, tokens: 0, samples: Vec::new() })
    }

    /// Renders the tokens that have come.
    fn grow(
        &mut self,
        decoder: Decoder,
        tokens: &[Vec<u32>],
        hiddens: &[f32],
        ends: bool,
    ) -> Result<Vec<f32>> {
        self.tokens += tokens.len();
        let fresh = match decoder {
            Decoder::HiddenStates => Fresh::Hiddens(hiddens),
            Decoder::Codes => Fresh::Codes(tokens),
        };
        let samples = self.wave.take(fresh, ends)?.wave;
        self.samples.extend_from_slice(&samples);
        Ok(samples)
    }
}

/// Wakes the worker when it is dropped, so that the worker notices if the renderer panics.
struct WakeOnDrop<'a>(&'a RunState);

impl Drop for WakeOnDrop<'_> {
    fn drop(&mut self) {
        self.0.wake();
    }
}

/// Renders tasks until the channel closes: streams first, and whole pieces grouped with those that have come
/// meanwhile.
pub(super) fn render_loop(
    renderer: &Renderer,
    tasks: &Receiver<Task>,
    sounds: &Sender<(RequestId, Result<Sound>)>,
    state: &RunState,
) {
    let _guard = WakeOnDrop(state);
    let mut streams: HashMap<RequestId, Stream> = HashMap::new();
    let mut pieces: VecDeque<Piece> = VecDeque::new();
    let answer = |id, sound| {
        let sent = sounds.send((id, sound)).is_ok();
        state.wake();
        sent
    };
    loop {
        let next = match pieces.is_empty() {
            true => tasks.recv().ok(),
            false => tasks.try_recv().ok(),
        };
        match next {
            Some(Task::Forget { id }) => {
                streams.remove(&id);
                let forgotten = pieces.iter().position(|piece| piece.id == id);
                if forgotten.and_then(|at| pieces.remove(at)).is_some()
                    && !answer(id, Err(Error::Interrupted))
                {
                    return;
                }
            }
            Some(Task::Grown { id, tokens, hiddens, decoder }) => {
                let begin = Instant::now();
                let stream = match streams.entry(id) {
                    Entry::Occupied(stream) => Ok(stream.into_mut()),
                    Entry::Vacant(place) => Stream::new(renderer, decoder).map(|new| place.insert(new)),
                };
                let samples = stream.and_then(|stream| stream.grow(decoder, &tokens, &hiddens, false));
                let sound =
                    samples.map(|samples| Sound { made: (begin, Instant::now()), samples, whole: None });
                if !answer(id, sound) {
                    return;
                }
            }
            Some(Task::Whole { id, codes, encodes }) => {
                let piece = Piece { id, codes, encodes };
                let Some(stream) = streams.remove(&id) else {
                    pieces.push_back(piece);
                    continue;
                };
                if !answer(id, end_stream(renderer, stream, piece)) {
                    return;
                }
            }
            None if pieces.is_empty() || state.is_closed() => return,
            None => {
                for (id, sound) in render_group(renderer, &mut pieces) {
                    if !answer(id, sound) {
                        return;
                    }
                }
            }
        }
    }
}

/// A whole piece that waits to be rendered.
struct Piece {
    id: RequestId,
    codes: Box<Codes>,
    encodes: bool,
}

fn end_stream(renderer: &Renderer, mut stream: Stream, piece: Piece) -> Result<Sound> {
    let Piece { codes, encodes, .. } = piece;
    let begin = Instant::now();
    let Codes { decoder, tokens, hiddens, .. } = &*codes;
    let width = hiddens.len().checked_div(tokens.len()).unwrap_or(0);
    let had = stream.tokens;
    let samples = stream.grow(*decoder, &tokens[had..], &hiddens[had * width..], true)?;
    let sample = if encodes { Some(renderer.encode(&stream.samples)?) } else { None };
    Ok(Sound { made: (begin, Instant::now()), samples, whole: Some(Whole { codes, mel: None, sample }) })
}

/// Renders the first pieces of the queue that share the same kind of input, as many as memory allows at once.
fn render_group(renderer: &Renderer, pieces: &mut VecDeque<Piece>) -> Vec<(RequestId, Result<Sound>)> {
    let Some(kind) = pieces.front().map(|piece| piece.codes.decoder) else { return Vec::new() };
    let begin = Instant::now();
    let mut group: Vec<Piece> = Vec::new();
    let mut steps = 0;
    while steps < GROUP_STEPS
        && let Some(piece) = pieces.pop_front_if(|piece| piece.codes.decoder == kind)
    {
        steps += piece.codes.tokens.len();
        group.push(piece);
    }
    let all: Vec<&Codes> = group.iter().map(|piece| &*piece.codes).collect();
    let rendered: Vec<Result<Rendered>> = match render_codes(renderer, kind, &all) {
        Ok(rendered) => rendered.into_iter().map(Ok).collect(),
        // One that cannot be rendered must not cost the others.
        Err(_) => all
            .iter()
            .map(|codes| {
                let one = render_codes(renderer, kind, &[codes])?;
                one.into_iter().next().ok_or_else(|| Error::Audio("nothing was rendered".into()))
            })
            .collect(),
    };
    let sounds = group.into_iter().zip(rendered).map(|(Piece { id, codes, encodes }, rendered)| {
        let sound = rendered.and_then(|Rendered { mel, wave }| {
            let sample = if encodes { Some(renderer.encode(&wave)?) } else { None };
            let whole = Some(Whole { codes, mel: Some(mel), sample });
            Ok(Sound { made: (begin, Instant::now()), samples: wave, whole })
        });
        (id, sound)
    });
    sounds.collect()
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
