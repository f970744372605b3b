//! The work of one device: takes lines, steps its engine, sends codes to its renderer and sound to the readers.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Instant;

use super::active::{Active, Finished};
use super::channel::Message;
use super::render::{Piece, Sound, Task, Whole, render_loop};
use super::speech::Trace;
use super::state::{Job, JobId, RunState};
use super::stats;
use crate::engine::{Event, FinishReason, Goal, RequestId};
use crate::error::{Error, Result};
use crate::loading::LoadedModel;
use crate::speech::Priority;

/// The number of seeds that are tried for a text that ends at its first token.
const SEEDS: u64 = 8;
/// The number of slots for each of which one may be filled in a step.
const SLOTS_FOR_A_LINE: usize = 16;
/// The number of pieces of a streaming line that run at once: the one that is heard, and the next, so that no
/// gap is left.
const PIECES_AHEAD: usize = 2;

/// A piece of a line in the engine or at the renderer.
struct Running {
    line: JobId,
    piece: usize,
    /// Number of the seed that is tried, counted from the one asked for. Each piece counts for itself: its seed
    /// must not depend on when the others end.
    attempt: u64,
    /// Number of tokens drawn so far.
    tokens: usize,
    at_renderer: bool,
}

/// Speaks lines on one device until the engine is closed or the device fails.
pub(super) fn work(model: &mut LoadedModel, device: usize, state: &RunState) {
    let renderer = Arc::clone(&model.renderer);
    std::thread::scope(|scope| {
        let (tasks, tasks_out) = channel();
        let (sounds_in, sounds) = channel();
        let rendering = std::thread::Builder::new()
            .spawn_scoped(scope, move || render_loop(&renderer, &tasks_out, &sounds_in, state));
        let mut worker = Worker {
            model,
            device,
            state,
            lines: BTreeMap::new(),
            running: HashMap::new(),
            next_request: 0,
            at_renderer: 0,
            tasks,
            sounds,
            step_began: Instant::now(),
        };
        let ended = catch_unwind(AssertUnwindSafe(|| {
            rendering.map_err(Error::Threads)?;
            worker.run()
        }));
        let ended = ended.unwrap_or_else(|_| Err(Error::Internal("its thread panicked".into())));
        worker.model.engine.clear();
        state.held[device].store(0, Ordering::Relaxed);
        state.pages[device].store(0, Ordering::Relaxed);
        let lines = std::mem::take(&mut worker.lines);
        stats::sub(&state.counters.running, lines.len() as u64);
        match ended {
            Ok(()) => lines.into_values().for_each(|active| active.job.channel.cancel()),
            Err(error) => {
                let jobs = lines.into_values().map(|active| active.job);
                state.give_back(device, &worker.model.device_name, &error, jobs);
            }
        }
    });
}

struct Worker<'a> {
    model: &'a mut LoadedModel,
    device: usize,
    state: &'a RunState,
    lines: BTreeMap<JobId, Active>,
    running: HashMap<RequestId, Running>,
    next_request: RequestId,
    /// Number of pieces at the renderer, whole or growing.
    at_renderer: usize,
    tasks: Sender<Task>,
    sounds: Receiver<(RequestId, Result<Sound>)>,
    step_began: Instant,
}

impl Worker<'_> {
    /// Steps the engine until the state is closed.
    ///
    /// # Errors
    /// An error of the device.
    fn run(&mut self) -> Result<()> {
        while !self.state.is_closed() {
            let seen = self.state.generation();
            self.take_sounds()?;
            self.drop_cancelled();
            self.fill();
            let held = self.running.values().filter(|running| !running.at_renderer).count();
            self.state.held[self.device].store(held, Ordering::Relaxed);
            self.state.pages[self.device].store(self.model.engine.pages(), Ordering::Relaxed);
            // What is made and not rendered takes memory too.
            if self.model.engine.is_idle() || self.at_renderer > 2 * self.model.slots {
                self.state.wait(seen);
                continue;
            }
            self.step_began = Instant::now();
            let events = self.model.engine.step()?;
            stats::add(&self.state.counters.steps, 1);
            for event in events {
                self.take_event(event)?;
            }
            self.look_after_streams()?;
        }
        Ok(())
    }

    /// Starts pieces while there are slots: first those of interactive lines, which take the slots of bulk
    /// lines if no others are free, then those of started lines, then new lines.
    fn fill(&mut self) {
        while self.submit_next(Priority::Interactive) {}
        // Few at a time, so that neither a device of many slots leaves nothing of a short list to the others, nor
        // the prompts of many lines hold up those that are under way.
        while self.model.engine.waiting() < self.model.slots.div_ceil(SLOTS_FOR_A_LINE)
            && self.free_slots() > 0
            && self.submit_next(Priority::Bulk)
        {}
    }

    fn free_slots(&self) -> usize {
        let held = self.running.values().filter(|running| !running.at_renderer).count();
        self.model.slots.saturating_sub(held)
    }

    /// Submits the next piece of a started line or of a new one, of at most this priority.
    fn submit_next(&mut self, up_to: Priority) -> bool {
        let started = self.lines.iter().filter(|(id, active)| id.0 <= up_to && active.may_submit());
        let next = started.map(|(id, _)| *id).find(|id| self.has_room_for(*id));
        let (id, is_new) = match next {
            Some(id) => (id, false),
            None => {
                // Without a slot to be had, others may be sooner.
                if self.free_slots() == 0
                    && (up_to != Priority::Interactive || self.youngest_bulk().is_none())
                {
                    return false;
                }
                match self.state.take(up_to) {
                    Some(job) => (self.start(job), true),
                    None => return false,
                }
            }
        };
        let Some(active) = self.lines.get_mut(&id) else { return is_new };
        let Some((piece, attempt)) = active.ready.pop_first() else { return is_new };
        if self.free_slots() == 0 {
            self.preempt();
        }
        self.submit(id, piece, attempt);
        true
    }

    /// Tells whether a started line's next piece may be submitted now.
    fn has_room_for(&self, id: JobId) -> bool {
        let Some(active) = self.lines.get(&id) else { return false };
        let next = active.ready.keys().next().copied();
        let ahead = next.is_none_or(|piece| piece >= active.next + PIECES_AHEAD);
        if active.streams() && ahead {
            return false;
        }
        self.free_slots() > 0
            || (id.0 == Priority::Interactive && next == Some(active.next) && self.youngest_bulk().is_some())
    }

    /// Returns the bulk piece in the engine that loses least by starting again.
    fn youngest_bulk(&self) -> Option<RequestId> {
        let is_bulk = |running: &Running| running.line.0 == Priority::Bulk && !running.at_renderer;
        let bulk = self.running.iter().filter(|(_, running)| is_bulk(running));
        bulk.min_by_key(|(id, running)| (running.tokens, std::cmp::Reverse(**id))).map(|(id, _)| *id)
    }

    fn preempt(&mut self) {
        let Some(id) = self.youngest_bulk() else { return };
        self.model.engine.cancel(id);
        if let Some(running) = self.running.remove(&id)
            && let Some(active) = self.lines.get_mut(&running.line)
        {
            active.ready.insert(running.piece, running.attempt);
        }
    }

    fn start(&mut self, job: Box<Job>) -> JobId {
        let id = job.id;
        stats::add(&self.state.counters.running, 1);
        let is_empty = job.line.pieces.is_empty();
        self.lines.insert(id, Active::new(job));
        if is_empty {
            self.fail(id, Error::EmptyText("the line has no pieces".into()));
        }
        id
    }

    fn submit(&mut self, line: JobId, piece: usize, attempt: u64) {
        let Some(active) = self.lines.get_mut(&line) else { return };
        let Job { line: composed, refines_only, .. } = &*active.job;
        let spoken = &composed.pieces[piece];
        let mut request = composed.request.clone();
        request.text.clone_from(&spoken.text);
        request.voice = composed.voices.get(spoken.voice).cloned().unwrap_or_default();
        request.voice.sample = active.samples.get(spoken.voice).cloned().flatten();
        if let Some(speed) = &spoken.speed {
            request.speed.clone_from(speed);
        }
        request.seed = request.seed.wrapping_add(attempt);
        if attempt > 0 {
            active.seed = request.seed;
        }
        let goal = if *refines_only { Goal::Refine } else { Goal::Speak };
        let id = self.next_request;
        self.next_request += 1;
        self.running.insert(id, Running { line, piece, attempt, tokens: 0, at_renderer: false });
        match line.0 {
            Priority::Interactive => self.model.engine.submit_urgent(id, goal, request),
            Priority::Bulk => self.model.engine.submit(id, goal, request),
        }
    }

    fn take_event(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Started { id, .. } => {
                // It is told with what the step has drawn.
                let step_began = self.step_began;
                if let Some(active) = self.line_of(id).filter(|active| !active.is_announced) {
                    active.is_announced = true;
                    active.times.queued = step_began.saturating_duration_since(active.job.submitted);
                    let queued = active.times.queued;
                    active.job.channel.send(Message::Started { queued });
                    stats::record(&self.state.counters.queue_time, queued);
                }
            }
            Event::Advanced { id, tokens } => {
                stats::add(&self.state.counters.tokens, 1);
                let is_first = self.running.get_mut(&id).is_some_and(|running| {
                    let before = std::mem::replace(&mut running.tokens, tokens);
                    before == 0
                });
                if is_first && let Some(active) = self.line_of(id) {
                    active.prefilled();
                }
            }
            Event::Refined { id, refined } => {
                let piece = self.running.get(&id).map_or(0, |running| running.piece);
                if let Some(active) = self.line_of(id) {
                    active.job.channel.send(Message::Refined { piece, refined });
                }
            }
            Event::Refinement { id, refined } => {
                let Some(Running { line, piece, .. }) = self.running.remove(&id) else { return Ok(()) };
                if let Some(active) = self.lines.get_mut(&line) {
                    active.tokens += refined.tokens.len();
                    active.finish = refined.finish;
                    active.job.channel.send(Message::Refined { piece, refined });
                    active.end_piece(None);
                    self.complete(line);
                }
            }
            Event::Spoken { id, codes } => {
                let Some(running) = self.running.get_mut(&id) else { return Ok(()) };
                stats::add(&self.state.counters.tokens, (codes.tokens.len() - running.tokens) as u64);
                running.at_renderer = true;
                let (line, piece) = (running.line, running.piece);
                let priority = line.0;
                let encodes = self.lines.get_mut(&line).is_some_and(|active| {
                    active.decoded();
                    !active.waiting_for(piece).is_empty()
                });
                self.at_renderer += 1;
                self.ask(Task::Whole(Piece { id, priority, codes, encodes }))?;
                let is_drawing = self.running.values().any(|r| r.line == line && !r.at_renderer);
                if !encodes
                    && !is_drawing
                    && let Some(active) = self.lines.get(&line).filter(|active| active.ready.is_empty())
                {
                    active.job.channel.send(Message::Drawn);
                }
            }
            Event::Failed { id, error } => {
                let Some(Running { line, piece, attempt, .. }) = self.running.remove(&id) else {
                    return Ok(());
                };
                let Some(active) = self.lines.get_mut(&line) else { return Ok(()) };
                if matches!(error, Error::EndedAtOnce { .. }) && attempt + 1 < SEEDS {
                    active.ready.insert(piece, attempt + 1);
                } else {
                    self.fail(line, error);
                }
            }
        }
        Ok(())
    }

    fn line_of(&mut self, id: RequestId) -> Option<&mut Active> {
        self.lines.get_mut(&self.running.get(&id)?.line)
    }

    fn ask(&mut self, task: Task) -> Result<()> {
        self.tasks.send(task).map_err(|_| renderer_gone())
    }

    /// Sends the tokens that streams have drawn to the renderer, where they may have become sound.
    fn look_after_streams(&mut self) -> Result<()> {
        for (line, active) in &mut self.lines {
            let due = active.streams() && !active.look.is_awaited && !active.job.channel.is_full();
            if !due {
                continue;
            }
            let is_next = |running: &Running| running.line == *line && running.piece == active.next;
            let next = self.running.iter().find(|(_, running)| is_next(running) && !running.at_renderer);
            let Some((id, _)) = next.filter(|(_, running)| running.tokens >= active.look.at) else {
                continue;
            };
            let Some((tokens, hiddens)) = self.model.engine.codes(*id)? else { continue };
            let taken = active.look.taken;
            let width = hiddens.len() / tokens.len().max(1);
            let task = Task::Grown {
                id: *id,
                tokens: tokens[taken..].to_vec(),
                hiddens: hiddens[taken * width..].to_vec(),
                decoder: active.job.line.request.decoder,
            };
            active.look.taken = tokens.len();
            active.look.is_awaited = true;
            self.at_renderer += 1;
            self.tasks.send(task).map_err(|_| renderer_gone())?;
        }
        Ok(())
    }

    fn take_sounds(&mut self) -> Result<()> {
        loop {
            match self.sounds.try_recv() {
                Ok((id, sound)) => self.take_sound(id, sound)?,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(renderer_gone()),
            }
        }
    }

    fn take_sound(&mut self, id: RequestId, sound: Result<Sound>) -> Result<()> {
        self.at_renderer -= 1;
        let Some(Running { line, piece, .. }) = self.running.get(&id) else { return Ok(()) };
        let (line, piece) = (*line, *piece);
        let Some(active) = self.lines.get_mut(&line) else { return Ok(()) };
        let Sound { samples, whole, made } = match sound {
            Ok(sound) => sound,
            // A line that cannot be rendered: its own fault, or the device's.
            Err(error @ Error::Device(_)) => return Err(error),
            Err(error) => {
                self.fail(line, error);
                return Ok(());
            }
        };
        stats::add(&self.state.counters.samples, samples.len() as u64);
        active.rendered(made);
        let Some(Whole { codes, mel, sample }) = whole else {
            let is_heard = !samples.is_empty();
            let is_first = active.send(samples);
            active.look_again(is_heard);
            if is_first && let Some(time) = active.times.first_sound {
                stats::record(&self.state.counters.first_sound, time);
            }
            return Ok(());
        };
        self.running.remove(&id);
        active.tokens += codes.tokens.len();
        if active.finish == FinishReason::End {
            active.finish = codes.finish;
        }
        if let Some(prompt) = sample {
            active.set_voice(piece, prompt);
        }
        let trace = match mel {
            Some(mel) if active.job.line.traces => {
                Some(Box::new(Trace { piece, wave: samples.clone(), mel, codes: *codes }))
            }
            _ => None,
        };
        active.finished.insert(piece, Finished { samples, trace });
        while let Some(Finished { samples, trace }) = active.finished.remove(&active.next) {
            if active.send(samples)
                && let Some(time) = active.times.first_sound
            {
                stats::record(&self.state.counters.first_sound, time);
            }
            active.end_piece(trace);
        }
        self.complete(line);
        Ok(())
    }

    /// Ends a line whose reader has all pieces.
    fn complete(&mut self, id: JobId) {
        if self.lines.get(&id).is_none_or(|active| active.next < active.job.line.pieces.len()) {
            return;
        }
        let Some(active) = self.lines.remove(&id) else { return };
        let mut times = active.times;
        times.total = active.job.submitted.elapsed();
        let Active { tokens, seed, finish, .. } = active;
        stats::add(&self.state.counters.completed, 1);
        stats::sub(&self.state.counters.running, 1);
        active.job.channel.send(Message::Done { tokens, seed, finish, times });
    }

    fn fail(&mut self, id: JobId, error: Error) {
        if let Some(active) = self.lines.remove(&id) {
            // Counted first, for a reader who has the end and asks.
            stats::add(&self.state.counters.failed, 1);
            self.forget(id);
            active.job.channel.send(Message::Failed(error));
        }
    }

    fn drop_cancelled(&mut self) {
        let cancelled: Vec<JobId> = self
            .lines
            .iter()
            .filter(|(_, active)| active.job.channel.is_cancelled())
            .map(|(id, _)| *id)
            .collect();
        for id in cancelled {
            self.lines.remove(&id);
            stats::add(&self.state.counters.cancelled, 1);
            self.forget(id);
        }
    }

    /// Frees the slots of a line that has ended.
    fn forget(&mut self, line: JobId) {
        stats::sub(&self.state.counters.running, 1);
        let (engine, tasks) = (&mut self.model.engine, &self.tasks);
        self.running.retain(|id, running| {
            if running.line == line {
                engine.cancel(*id);
                // A renderer that has gone is found when it is asked for something.
                let _ = tasks.send(Task::Forget { id: *id });
            }
            running.line != line
        });
    }
}

fn renderer_gone() -> Error {
    Error::Internal("the thread that renders has stopped".into())
}
