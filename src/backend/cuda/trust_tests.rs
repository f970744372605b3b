use std::time::{Duration, Instant};

use super::super::emulated::{Emulated, How, SILENCE, Where};
use super::*;

const MEMORY: u64 = 1 << 30;
/// Longer than an attempt takes on an emulated card.
const PATIENCE: Duration = Duration::from_secs(600);

type Attempt = fn(&Arc<dyn Driver>) -> Result<()>;

fn examination(emulated: Emulated, attempt: Attempt, folder: Option<&std::path::Path>) -> Examination {
    let driver: Arc<dyn Driver> = Arc::new(emulated);
    let file = folder.map(|folder| folder.join("cards/cuda-0"));
    Examination { driver, key: "an emulated card".into(), file, attempt }
}

/// Speaks once, in single precision.
fn once(driver: &Arc<dyn Driver>) -> Result<()> {
    let checkpoint = Checkpoint::noise(NoiseSize::Tiny, NOISE_SEED)?;
    alike::speaking(&checkpoint, on_card(&checkpoint, driver, Precision::F32)?).map(drop)
}

#[test]
fn a_sound_card_passes() {
    assert_eq!(examination(Emulated::new(0, MEMORY), attempt, None).run(PATIENCE).unwrap(), Trust::FULL);
}

#[test]
fn a_fault_is_switched_off_and_remembered() {
    let cases: [(How, Where, usize, Attempt); 5] = [
        (How::Wrong, Where::Clusters, 1, once),
        (How::Wrong, Where::Overlap, 2, once),
        (How::Wrong, Where::Tiles, 3, kernels),
        (How::Refused, Where::Graphs, 4, once),
        (How::Wrong, Where::Graphs, 4, once),
    ];
    for (how, place, rung, attempt) in cases {
        let folder = tempfile::tempdir().unwrap();
        let examination = examination(Emulated::faulty(MEMORY, how, place), attempt, Some(folder.path()));
        let trust = examination.run(PATIENCE).unwrap();
        assert_eq!((trust.rung, trust.failures.len()), (Some(rung), rung), "{place:?}: {trust:?}");
        assert_eq!(trust.without(), RUNGS.map(|(name, _)| name)[..rung]);
        // The next process tries nothing.
        let start = Instant::now();
        assert_eq!(examination.run(PATIENCE).unwrap(), trust);
        assert!(start.elapsed() < Duration::from_secs(1));
    }
}

#[test]
fn a_card_that_gets_everything_wrong_is_not_used() {
    for how in [How::Wrong, How::Refused] {
        let trust = examination(Emulated::faulty(MEMORY, how, Where::All), once, None).run(PATIENCE).unwrap();
        assert_eq!(trust.switches(Switches::default()), None);
        assert_eq!(trust.failures.len(), 1 + RUNGS.len(), "{trust:?}");
    }
}

#[test]
fn refused_recordings_cost_nothing_else() {
    let trust = examination(Emulated::faulty(MEMORY, How::Refused, Where::Capture), once, None)
        .run(PATIENCE)
        .unwrap();
    assert_eq!(trust, Trust::FULL);
}

#[test]
fn a_card_that_does_not_answer_is_left_and_tried_with_less_by_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let silent = Emulated::faulty(MEMORY, How::Silent, Where::Clusters);
    let start = Instant::now();
    let trust = examination(silent, once, None).run(SILENCE / 5).unwrap();
    assert!(start.elapsed() < SILENCE);
    assert_eq!((trust.rung, trust.failures.len()), (Some(1), 1), "{trust:?}");
    assert!(trust.failures[0].contains("no answer"), "{trust:?}");

    // As if a process had ended in the midst of it.
    let killed = examination(Emulated::new(0, MEMORY), once, Some(folder.path()));
    killed.keep(TRYING, 0, &[]);
    let trust = killed.run(PATIENCE).unwrap();
    assert_eq!((trust.rung, trust.failures.len()), (Some(1), 1), "{trust:?}");
    assert!(trust.failures[0].contains("took the process with it"));
    // What was found of another card, driver or build says nothing.
    let another = Examination { key: "another".into(), ..killed };
    assert_eq!(another.run(PATIENCE).unwrap(), Trust::FULL);
}
