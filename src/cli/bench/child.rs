//! Makes one measurement in its own process: the program calls itself and reads the result.

use std::io::Read;
use std::ops::ControlFlow;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow};
use chattts_rs::bench::{Process, SpeedTest, peak_memory};
use chattts_rs::{Error, LoadedModel, Precision};

use super::super::args::{BenchArgs, ModelArgs};
use super::super::output::print_line;
use super::super::{Context, FAILED};
use super::{Kind, checkpoint, compute, is_builtin, name};

/// The time between two looks for a signal while a process measures.
const LOOK_OUT: Duration = Duration::from_millis(50);

/// The output of a measuring process: its measurements, or the reason why it failed.
type Answer = Result<Process, String>;

/// A measurement of one type of weights and one batch size.
pub struct Measurement {
    pub kind: Kind,
    pub batch_size: u16,
    /// Results of the processes so far.
    pub processes: Vec<Process>,
}

impl Measurement {
    pub fn new(kind: Kind, batch_size: u16) -> Self {
        Measurement { kind, batch_size, processes: Vec::new() }
    }

    /// Returns the name that is shown while it runs.
    pub fn label(&self) -> String {
        format!("{}, batch size {}", self.kind.label(self.kind.dtype), self.batch_size)
    }

    /// Measures once, in a new process.
    pub fn run(&self, context: &Context, args: &BenchArgs, model: &ModelArgs) -> anyhow::Result<Process> {
        let mut child = self.start(args, model)?;
        let answer = wait(&mut child, context)?;
        // A process that was ended with this one says nothing worth repeating.
        if context.interrupt.check().is_break() {
            return Err(Error::Interrupted.into());
        }
        let status = child.wait().context("cannot wait for the process that measures")?;
        match serde_json::from_slice::<Answer>(&answer) {
            Ok(Ok(process)) => Ok(process),
            Ok(Err(reason)) => Err(anyhow!("{}: {reason}", self.label())),
            Err(_) => Err(anyhow!(
                "{}: the process that measured it ended early ({status}); is there memory enough?",
                self.label()
            )),
        }
    }

    fn start(&self, args: &BenchArgs, model: &ModelArgs) -> anyhow::Result<Child> {
        let failed = "cannot start a process of this program";
        let mut command = Command::new(std::env::current_exe().context(failed)?);
        command.args(["bench", "--quiet", "--offline", "--model", model.name(), "--device", &args.device]);
        let Kind { backend, dtype } = self.kind;
        command.args(["--backend", &name(&backend), "--dtype", &name(&dtype)]);
        command.args(["--memory-fraction", &args.memory_fraction.to_string()]);
        for (flag, value) in [
            ("--batch-size", u64::from(self.batch_size)),
            ("--tokens", args.tokens.into()),
            ("--runs", args.runs.into()),
            ("--warm-up", args.warm_up.into()),
            ("--seed", args.seed),
        ] {
            command.args([flag, &value.to_string()]);
        }
        if let Some(threads) = args.threads {
            command.args(["--threads", &threads.to_string()]);
        }
        // Its input stays open as long as this process lives; see `end_with_parent`.
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let since = now().as_nanos().to_string();
        command.args(["--measure-since", &since]).spawn().context(failed)
    }
}

/// Reads all output of a process; ends the process if this one is interrupted.
fn wait(child: &mut Child, context: &Context) -> anyhow::Result<Vec<u8>> {
    let mut output = child.stdout.take().ok_or_else(|| anyhow!("the process that measures has no output"))?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut answer = Vec::new();
        let read = output.read_to_end(&mut answer).map(|_| answer);
        // Nobody listens any more only if this process is about to end.
        let _ = sender.send(read);
    });
    loop {
        match receiver.recv_timeout(LOOK_OUT) {
            Ok(read) => return read.context("cannot read from the process that measures"),
            Err(RecvTimeoutError::Timeout) if context.interrupt.check().is_continue() => {}
            Err(_) => {
                // It may have ended by itself meanwhile.
                let _ = child.kill();
                let _ = child.wait();
                return Err(Error::Interrupted.into());
            }
        }
    }
}

/// Measures one type and one batch size, in the process that was started for it.
pub fn measure(args: &BenchArgs, since: u64) -> anyhow::Result<()> {
    end_with_parent();
    let answer: Answer = process(args, since).map_err(|error| format!("{error:#}"));
    print_line(&serde_json::to_string(&answer)?)
}

/// Ends this process when its standard input ends, which happens whenever the parent process is gone.
fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(FAILED.into());
    });
}

fn process(args: &BenchArgs, since: u64) -> anyhow::Result<Process> {
    let go_on = || ControlFlow::Continue(());
    let kind = Kind::all(args, &[Precision::Auto]).into_iter().next().context("no backend to measure")?;
    let batch_size = args.batch_size.first().copied().unwrap_or(1);
    let compute = compute(args, kind, batch_size.into())?;
    let model = ModelArgs { model: args.model.clone(), offline: args.offline };

    let start = Instant::now();
    let mut tts = LoadedModel::open(checkpoint(&model, &compute)?, compute)?;
    let load = start.elapsed();
    let (device, weights) = (tts.device_name().to_string(), kind.label(tts.precision()));
    let mut test = SpeedTest::new(&mut tts, args.tokens.into(), args.seed)?;
    let cold_start = now().saturating_sub(Duration::from_nanos(since));
    for _ in 0..args.warm_up {
        test.run(&go_on)?;
    }
    let runs = (0..args.runs).map(|_| test.run(&go_on)).collect::<Result<_, _>>()?;
    Ok(Process {
        device,
        weights,
        load: load.as_secs_f64(),
        cold_start: (!is_builtin(&model)?).then_some(cold_start.as_secs_f64()),
        peak_memory: peak_memory(),
        runs,
    })
}

fn now() -> Duration {
    // A clock before 1970 makes the one number that needs it wrong, not the others.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
