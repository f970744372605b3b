//! Renders waves from codes, beside the engine.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

use super::state::RunState;
use crate::backend::{Fresh, GROUP_STEPS, Mel, Rendered, Renderer, WaveStream};
use crate::engine::{Codes, Decoder, RequestId};
use crate::error::{Error, Result};
use crate::speech::Priority;
use crate::voice::VoicePrompt;

/// A task for the renderer.
pub(super) enum Task {
    /// Render a whole piece.
    Whole(Piece),
    /// Render the tokens that a streaming piece has drawn since the last task.
    Grown { id: RequestId, tokens: Vec<Vec<u32>>, hiddens: Vec<f32>, decoder: Decoder },
    /// Forget a piece.
    Forget { id: RequestId },
}

/// A piece of which all tokens are drawn.
pub(super) struct Piece {
    pub id: RequestId,
    pub priority: Priority,
    pub codes: Box<Codes>,
    /// Whether to encode its sound as a sample to continue too.
    pub encodes: bool,
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

/// What waits to be rendered: what somebody listens to in the order in which it came, whether it grows or is whole,
/// and after it the rest.
#[derive(Default)]
struct Agenda {
    listened: VecDeque<Task>,
    rest: VecDeque<Piece>,
}

impl Agenda {
    fn is_empty(&self) -> bool {
        self.listened.is_empty() && self.rest.is_empty()
    }

    fn add(&mut self, task: Task) {
        match task {
            Task::Whole(piece) if piece.priority == Priority::Bulk => self.rest.push_back(piece),
            task => self.listened.push_back(task),
        }
    }

    /// Drops the tasks of a piece and returns how many there were.
    fn forget(&mut self, forgotten: RequestId) -> usize {
        let before = self.listened.len() + self.rest.len();
        self.listened.retain(|task| match task {
            Task::Whole(Piece { id, .. }) | Task::Grown { id, .. } | Task::Forget { id } => *id != forgotten,
        });
        self.rest.retain(|piece| piece.id != forgotten);
        before - self.listened.len() - self.rest.len()
    }

    fn pop(&mut self) -> Option<Task> {
        self.listened.pop_front().or_else(|| self.rest.pop_front().map(Task::Whole))
    }

    /// Returns the next piece, if it may be rendered together with another: one of the same kind of input that did
    /// not stream.
    fn pop_beside(&mut self, kind: Decoder, streams: &HashMap<RequestId, Stream>) -> Option<Piece> {
        let suits = |piece: &Piece| piece.codes.decoder == kind && !streams.contains_key(&piece.id);
        if self.listened.is_empty() {
            return self.rest.pop_front_if(|piece| suits(piece));
        }
        match self.listened.pop_front_if(|task| matches!(task, Task::Whole(piece) if suits(piece))) {
            Some(Task::Whole(piece)) => Some(piece),
            _ => None,
        }
    }
}

/// Renders tasks until the channel closes, whole pieces grouped with those that have come meanwhile.
pub(super) fn render_loop(
    renderer: &Renderer,
    tasks: &Receiver<Task>,
    sounds: &Sender<(RequestId, Result<Sound>)>,
    state: &RunState,
) {
    let _guard = WakeOnDrop(state);
    let mut streams: HashMap<RequestId, Stream> = HashMap::new();
    let mut agenda = Agenda::default();
    loop {
        let first = match agenda.is_empty() {
            true => Some(tasks.recv()),
            false => None,
        };
        if let Some(Err(_)) = first {
            return;
        }
        let mut done = Vec::new();
        for task in first.into_iter().flatten().chain(tasks.try_iter()) {
            if let Task::Forget { id } = task {
                streams.remove(&id);
                done.extend((0..agenda.forget(id)).map(|_| (id, Err(Error::Interrupted))));
            } else {
                agenda.add(task);
            }
        }
        if state.is_closed() {
            return;
        }
        match agenda.pop() {
            None | Some(Task::Forget { .. }) => {}
            Some(Task::Grown { id, tokens, hiddens, decoder }) => {
                let begin = Instant::now();
                let stream = match streams.entry(id) {
                    Entry::Occupied(stream) => Ok(stream.into_mut()),
                    Entry::Vacant(place) => Stream::new(renderer, decoder).map(|new| place.insert(new)),
                };
                let samples = stream.and_then(|stream| stream.grow(decoder, &tokens, &hiddens, false));
                let sound =
                    samples.map(|samples| Sound { made: (begin, Instant::now()), samples, whole: None });
                done.push((id, sound));
            }
            Some(Task::Whole(piece)) => match streams.remove(&piece.id) {
                Some(stream) => done.push((piece.id, end_stream(renderer, stream, piece))),
                None => done.extend(render_group(renderer, piece, |kind| agenda.pop_beside(kind, &streams))),
            },
        }
        for (id, sound) in done {
            let is_sent = sounds.send((id, sound)).is_ok();
            state.wake();
            if !is_sent {
                return;
            }
        }
    }
}

fn end_stream(renderer: &Renderer, mut stream: Stream, piece: Piece) -> Result<Sound> {
    let Piece { codes, encodes, .. } = piece;
    let begin = Instant::now();
    let Codes { decoder, tokens, hiddens, .. } = &*codes;
    let (width, had) = (hiddens.len().checked_div(tokens.len()).unwrap_or(0), stream.tokens);
    let hiddens = hiddens.values()?;
    let samples = stream.grow(*decoder, &tokens[had..], &hiddens[had * width..], true)?;
    let sample = if encodes { Some(renderer.encode(&stream.samples)?) } else { None };
    Ok(Sound { made: (begin, Instant::now()), samples, whole: Some(Whole { codes, mel: None, sample }) })
}

/// Renders a whole piece together with the next ones of the same kind of input, as many as memory allows at once.
fn render_group(
    renderer: &Renderer,
    first: Piece,
    mut next: impl FnMut(Decoder) -> Option<Piece>,
) -> Vec<(RequestId, Result<Sound>)> {
    let begin = Instant::now();
    let kind = first.codes.decoder;
    let mut steps = first.codes.tokens.len();
    let mut group = vec![first];
    while steps < GROUP_STEPS
        && let Some(piece) = next(kind)
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
    let sounds = group.into_iter().zip(rendered).map(|(Piece { id, codes, encodes, .. }, rendered)| {
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
            renderer.from_hiddens(&all.iter().map(|codes| &codes.hiddens).collect::<Vec<_>>())
        }
        Decoder::Codes => {
            let rows: Vec<_> = all.iter().map(|codes| codes.by_codebook()).collect();
            renderer.from_codes(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::FinishReason;

    fn whole(id: RequestId, priority: Priority, decoder: Decoder) -> Task {
        let (input_ids, hiddens, tokens) = (Vec::new(), Vec::new().into(), vec![vec![1; 4]; 3]);
        let codes = Codes { decoder, input_ids, tokens, hiddens, finish: FinishReason::End, refined: None };
        Task::Whole(Piece { id, priority, codes: Box::new(codes), encodes: false })
    }

    fn grown(id: RequestId) -> Task {
        Task::Grown { id, tokens: Vec::new(), hiddens: Vec::new(), decoder: Decoder::Codes }
    }

    fn id(task: &Task) -> RequestId {
        match task {
            Task::Whole(Piece { id, .. }) | Task::Grown { id, .. } | Task::Forget { id } => *id,
        }
    }

    #[test]
    fn what_is_heard_has_its_turn_whatever_others_stream() {
        let mut agenda = Agenda::default();
        agenda.add(whole(0, Priority::Bulk, Decoder::Codes));
        agenda.add(grown(1));
        agenda.add(whole(2, Priority::Interactive, Decoder::Codes));
        let mut order = Vec::new();
        for turn in 0..6 {
            // A stream that always has something to do.
            if turn < 4 {
                agenda.add(grown(1));
            }
            order.extend(agenda.pop().map(|task| id(&task)));
        }
        assert_eq!(order, [1, 2, 1, 1, 1, 1]);
        assert_eq!(agenda.pop().map(|task| id(&task)), Some(0));
        assert!(agenda.is_empty());
    }

    #[test]
    fn pieces_are_grouped_with_the_next_of_their_kind() {
        let mut agenda = Agenda::default();
        agenda.add(whole(0, Priority::Bulk, Decoder::Codes));
        agenda.add(whole(1, Priority::Interactive, Decoder::Codes));
        agenda.add(whole(2, Priority::Interactive, Decoder::HiddenStates));
        let beside =
            |agenda: &mut Agenda, kind| agenda.pop_beside(kind, &HashMap::new()).map(|piece| piece.id);
        assert_eq!(beside(&mut agenda, Decoder::Codes), Some(1));
        assert_eq!(beside(&mut agenda, Decoder::Codes), None, "the next one is of another kind");
        assert_eq!(beside(&mut agenda, Decoder::HiddenStates), Some(2));
        assert_eq!(beside(&mut agenda, Decoder::Codes), Some(0));
    }

    #[test]
    fn what_is_forgotten_is_counted() {
        let mut agenda = Agenda::default();
        for task in [grown(1), grown(2), grown(1), whole(1, Priority::Interactive, Decoder::Codes)] {
            agenda.add(task);
        }
        agenda.add(whole(3, Priority::Bulk, Decoder::Codes));
        assert_eq!((agenda.forget(1), agenda.forget(3), agenda.forget(3)), (3, 1, 0));
        assert_eq!(agenda.pop().map(|task| id(&task)), Some(2));
    }
}
