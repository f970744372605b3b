//! The time that a card spends in each kernel: steps of a number of lines, as they run and kernel by kernel,
//! compared with the least time that they can take.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::access;
use super::speed::TEXT;
use super::summary::Spread;
use crate::backend::cuda::{
    self, CardBackend, Ceilings, ONCE_A_STEP, Part, Profiler, StepShape, Times, Work, part_of, work,
};
use crate::backend::{Checkpoint, GptConfig};
use crate::device::{DeviceChoice, LoadOptions};
use crate::engine::Request;
use crate::error::{Error, Result};
use crate::loading::LoadedModel;

/// The number of steps that a card is asked for at once; a run is a multiple of it.
const TOGETHER: usize = 8;

/// The share of one kernel in a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KernelTime {
    /// The kernel's name.
    pub kernel: String,
    /// The part of the model that the kernel belongs to.
    pub part: Part,
    /// Launches in a step.
    pub launches: f64,
    /// Seconds in a step.
    pub seconds: f64,
    /// Share of the time of all kernels, 0 to 1.
    pub share: f64,
}

/// The time that one part takes in a step, and the least that it can take.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartTime {
    /// The part of the model.
    pub part: Part,
    /// Seconds in a step.
    pub seconds: f64,
    /// Share of the time of all kernels, 0 to 1.
    pub share: f64,
    /// The least that the part must move and compute in a step.
    pub work: Work,
    /// Seconds that this work takes at the card's limits.
    pub floor: f64,
    /// The part's time ÷ its floor; None where it has no work to do.
    pub over_floor: Option<f64>,
}

/// Measurements of the steps of one type and number of lines.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Profile {
    /// Name of the device.
    pub device: String,
    /// The type of the weights.
    pub weights: String,
    /// Lines that were worked on together.
    pub batch_size: usize,
    /// Number of steps in a run.
    pub steps: usize,
    /// Positions that a step attends to in a line, on average.
    pub length: f64,
    /// Seconds of a step when nothing is timed within it, including the host and copies.
    pub step_s: Spread,
    /// Seconds that a step must take at least if all its parts run at once.
    pub step_floor_s: f64,
    /// The median step ÷ `step_floor_s`.
    pub step_over_floor: f64,
    /// Seconds of a step within its graph, from the card's own clock: what the host adds is not in it. None if the
    /// card replays no graphs.
    pub graph_s: Option<f64>,
    /// Number of steps that were timed kernel by kernel.
    pub timed_steps: usize,
    /// Seconds of all kernels of a step, timed one by one.
    pub kernels_s: f64,
    /// Seconds of a launch that does nothing, timed as the kernels are.
    pub least_launch_s: f64,
    /// Time of each kernel, the slowest first.
    pub kernels: Vec<KernelTime>,
    /// Time of each part.
    pub parts: Vec<PartTime>,
}

/// A model on a card whose launches can be timed.
pub struct ProfileTest {
    model: LoadedModel,
    profiler: Arc<Profiler>,
    config: GptConfig,
    ceilings: Ceilings,
}

impl ProfileTest {
    /// Measures the card's limits and loads a checkpoint onto it, for at most as many lines as the options say.
    ///
    /// # Errors
    /// [`Error::Device`] if the device is no card or has failed; as [`LoadedModel::open`].
    pub fn open(checkpoint: Checkpoint, options: LoadOptions) -> Result<Self> {
        let config = checkpoint.config.clone();
        let DeviceChoice::Cuda(number) = options.device.resolve().0 else {
            return Err(Error::Device("kernels are timed on cards, and this is a processor".into()));
        };
        let driver = cuda::open(number)?;
        let ceilings = Ceilings::measure(&driver)?;
        let profiler = Profiler::new(driver);
        let card = CardBackend::of(Arc::clone(&profiler) as _, number);
        let model = LoadedModel::open_on(&card, checkpoint, options)?;
        Ok(ProfileTest { model, profiler, config, ceilings })
    }

    /// Returns the card's limits.
    pub fn ceilings(&self) -> &Ceilings {
        &self.ceilings
    }

    /// Returns the name of the device.
    pub fn device_name(&self) -> &str {
        self.model.device_name()
    }

    /// Speaks `lines` lines for `tokens` steps, rounded up to a multiple of eight: `runs` times as they always
    /// run, after some warm-up runs, and then once more with every launch timed.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there are more lines than the model was loaded for or they do not fit its
    /// context, [`Error::Interrupted`] if `go_on` breaks; an error of the device.
    pub fn run(
        &mut self,
        (lines, tokens, seed): (usize, usize, u64),
        (warm_up, runs): (usize, usize),
        go_on: &dyn Fn() -> ControlFlow<()>,
    ) -> Result<Profile> {
        let most = self.model.batch_size();
        if !(1..=most).contains(&lines) {
            return Err(Error::parameter("batch-size", format!("{lines}: the model is loaded for {most}")));
        }
        let steps = tokens.next_multiple_of(TOGETHER);
        let mut request = access::request(&self.model, TEXT);
        // One with the prompt, and one that keeps the lines from ending while they are timed.
        request.sampling.min_tokens = steps + 2;
        request.sampling.max_tokens = steps + 2;
        let line = |i: usize| Request { seed: seed.wrapping_add(i as u64), ..request.clone() };
        let requests: Vec<Request> = (0..lines).map(line).collect();

        for _ in 0..warm_up {
            self.decode(&requests, steps, go_on)?;
        }
        let mut times = Vec::with_capacity(runs);
        let mut positions = 0;
        for _ in 0..runs {
            let (seconds, prompt) = self.decode(&requests, steps, go_on)?;
            times.push(seconds / steps as f64);
            positions = prompt;
        }
        let step_s = Spread::of(times).ok_or_else(|| Error::parameter("runs", "at least 1 is needed"))?;
        let (kind, eight_bits) = cuda::types(self.model.precision());
        let profiler = Arc::clone(&self.profiler);
        let graphs = profiler.replays(|| self.decode(&requests, steps, go_on).map(drop))?;
        let graphs: Vec<f64> = graphs.into_iter().map(|seconds| seconds / TOGETHER as f64).collect();
        let times = self.timed(&requests, steps, go_on)?;
        let vocabulary = access::vocabulary(&mut self.model);
        let shape = StepShape {
            kind,
            eight_bits,
            rows: lines,
            // Step i, from 1 on, has i more than the prompt.
            length: positions as f64 + (steps + 1) as f64 / 2.0,
            codebooks: vocabulary.codebooks,
            code_tokens: vocabulary.code_tokens,
        };
        let (timed_steps, kernels) = kernels(&times)?;
        let works = Part::ALL.map(|part| (part, work(&self.config, shape, part)));
        let step_floor_s = Work::sum(works.map(|(_, work)| work)).floor(&self.ceilings);
        Ok(Profile {
            device: self.model.device_name().into(),
            weights: self.model.precision().name().into(),
            batch_size: lines,
            steps,
            length: shape.length,
            step_s,
            step_floor_s,
            step_over_floor: step_s.median / step_floor_s,
            graph_s: Spread::of(graphs).map(|spread| spread.median),
            timed_steps,
            kernels_s: kernels.iter().map(|kernel| kernel.seconds).sum(),
            least_launch_s: self.profiler.least()?,
            parts: works.map(|(part, work)| part_time(&kernels, part, work, &self.ceilings)).into(),
            kernels,
        })
    }

    /// Returns the seconds of `steps` decode steps after the prefill, and the positions of a prompt.
    fn decode(
        &mut self,
        requests: &[Request],
        steps: usize,
        go_on: &dyn Fn() -> ControlFlow<()>,
    ) -> Result<(f64, usize)> {
        let positions = self.prefill(requests, go_on)?;
        let start = Instant::now();
        self.advance(requests.len(), steps, go_on)?;
        Ok((start.elapsed().as_secs_f64(), positions))
    }

    /// Runs what [`ProfileTest::decode`] runs, with every launch timed.
    fn timed(
        &mut self,
        requests: &[Request],
        steps: usize,
        go_on: &dyn Fn() -> ControlFlow<()>,
    ) -> Result<Times> {
        self.prefill(requests, go_on)?;
        self.profiler.start();
        let advanced = self.advance(requests.len(), steps, go_on);
        let times = self.profiler.stop();
        advanced.and(times)
    }

    /// Runs the prefill until every line has its first token; returns the positions of a prompt.
    fn prefill(&mut self, requests: &[Request], go_on: &dyn Fn() -> ControlFlow<()>) -> Result<usize> {
        access::submit(&mut self.model, requests.iter().cloned());
        let stepped = self.step(go_on)?;
        match stepped.tokens == requests.len() {
            true => Ok(stepped.prompts / requests.len()),
            false => Err(Error::Device(format!(
                "{} of {} lines have begun together",
                stepped.tokens,
                requests.len()
            ))),
        }
    }

    fn advance(&mut self, lines: usize, steps: usize, go_on: &dyn Fn() -> ControlFlow<()>) -> Result<()> {
        for step in 0..steps {
            let stepped = self.step(go_on)?;
            if stepped.tokens != lines || !stepped.spoken.is_empty() {
                let reason =
                    format!("{steps} steps do not fit this model's context, which is full after {step}");
                return Err(Error::parameter("tokens", reason));
            }
        }
        Ok(())
    }

    fn step(&mut self, go_on: &dyn Fn() -> ControlFlow<()>) -> Result<access::Stepped> {
        match go_on() {
            ControlFlow::Continue(()) => access::step(&mut self.model),
            ControlFlow::Break(()) => Err(Error::Interrupted),
        }
    }
}

/// Returns how many steps were timed, and the time of each kernel in a step.
fn kernels(times: &Times) -> Result<(usize, Vec<KernelTime>)> {
    let steps = times.get(ONCE_A_STEP).map_or(0, |spent| spent.launches);
    if steps == 0 {
        return Err(Error::parameter(
            "tokens",
            "too few steps: none was timed before the queue was kept full",
        ));
    }
    let all: f64 = times.values().map(|spent| spent.seconds).sum();
    let mut kernels: Vec<KernelTime> = times
        .iter()
        .map(|(kernel, spent)| KernelTime {
            kernel: kernel.to_string(),
            part: part_of(kernel),
            launches: spent.launches as f64 / steps as f64,
            seconds: spent.seconds / steps as f64,
            share: spent.seconds / all,
        })
        .collect();
    kernels.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    Ok((steps, kernels))
}

fn part_time(kernels: &[KernelTime], part: Part, work: Work, ceilings: &Ceilings) -> PartTime {
    let of =
        |value: fn(&KernelTime) -> f64| kernels.iter().filter(|k| k.part == part).map(value).sum::<f64>();
    let (seconds, floor) = (of(|kernel| kernel.seconds), work.floor(ceilings));
    let over_floor = (floor > 0.0).then(|| seconds / floor);
    PartTime { part, seconds, share: of(|kernel| kernel.share), work, floor, over_floor }
}
