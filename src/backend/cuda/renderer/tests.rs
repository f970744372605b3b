use super::super::emulated::Emulated;
use super::super::states::StatePool;
use super::*;
use crate::backend::cpu::CpuRenderer;
use crate::backend::{NOISE_SEED, Renderer};
use crate::hub::NoiseSize;

const HIDDEN: usize = 64;
/// Frames that memory is taken for from the start.
const FRAMES: usize = 2 * 5120;

fn checkpoint() -> Checkpoint {
    Checkpoint::noise(NoiseSize::Tiny, NOISE_SEED).unwrap()
}

fn kernels(memory: u64) -> Kernels {
    Kernels::new(Arc::new(Emulated::new(0, memory)))
}

fn on_processor() -> Renderer {
    Renderer::new(HIDDEN, Box::new(CpuRenderer::load(&checkpoint(), WeightType::F32).unwrap()))
}

fn on_card(kind: Dtype) -> CardRenderer {
    CardRenderer::load(&checkpoint(), &kernels(1 << 30), kind, FRAMES).unwrap()
}

fn hiddens(steps: usize, seed: usize) -> Hiddens {
    let values = (0..steps * HIDDEN).map(|i| ((i * 7919 + seed * 104_729) % 1009) as f32 / 300.0 - 1.7);
    values.collect::<Vec<f32>>().into()
}

fn codes(steps: usize, seed: usize) -> Vec<Vec<u16>> {
    (0..4)
        .map(|book| (0..steps).map(|t| ((t * 7919 + book * 31 + seed * 17) % 625) as u16).collect())
        .collect()
}

/// Returns the largest difference, relative to the largest value.
fn error(expected: &[f32], found: &[f32]) -> f32 {
    assert_eq!(expected.len(), found.len());
    let largest = expected.iter().fold(0f32, |most, v| most.max(v.abs()));
    let differences = expected.iter().zip(found).map(|(e, f)| (e - f).abs());
    differences.fold(0f32, |most, v| if v > most || v.is_nan() { v } else { most }) / largest
}

/// Returns the signal to noise ratio, in decibels.
fn snr(expected: &[f32], found: &[f32]) -> f64 {
    assert_eq!(expected.len(), found.len());
    let square = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>();
    let noise = square(&mut expected.iter().zip(found).map(|(e, f)| e - f));
    10.0 * (square(&mut expected.iter().copied()) / noise.max(1e-300)).log10()
}

fn assert_near(expected: &[Rendered], found: &[Rendered], mel: f32, wave: f64) {
    assert_eq!(expected.len(), found.len());
    for (expected, found) in expected.iter().zip(found) {
        let error = error(&expected.mel.values, &found.mel.values);
        let snr = snr(&expected.wave, &found.wave);
        println!("{} frames: mel {error:.2e}, wave {snr:.1} dB", expected.mel.frames());
        assert!(error <= mel && snr >= wave, "mel {error:.2e}, wave {snr:.1} dB");
    }
}

#[test]
fn a_card_renders_what_a_processor_does() {
    let all = [hiddens(1, 0), hiddens(23, 1), hiddens(40, 2)];
    let sequences: Vec<&Hiddens> = all.iter().collect();
    let expected = on_processor().from_hiddens(&sequences).unwrap();
    for (kind, mel, wave) in [(Dtype::F32, 1e-5, 100.0), (Dtype::F16, 1e-3, 60.0), (Dtype::Bf16, 5e-3, 45.0)]
    {
        println!("{kind:?}");
        assert_near(
            &expected,
            &on_card(kind).render(Source::Hiddens(&sequences), Wanted::Both).unwrap(),
            mel,
            wave,
        );
    }
}

#[test]
fn a_card_renders_codes_as_a_processor_does() {
    let all = [codes(1, 0), codes(31, 1)];
    let sequences: Vec<&[Vec<u16>]> = all.iter().map(Vec::as_slice).collect();
    let expected = on_processor().from_codes(&sequences).unwrap();
    for (kind, mel, wave) in [(Dtype::F32, 1e-5, 100.0), (Dtype::F16, 1e-3, 60.0), (Dtype::Bf16, 5e-3, 45.0)]
    {
        println!("{kind:?}");
        assert_near(
            &expected,
            &on_card(kind).render(Source::Codes(&sequences), Wanted::Both).unwrap(),
            mel,
            wave,
        );
    }
    assert!(on_card(Dtype::F32).render(Source::Codes(&[&codes(2, 0)[..3]]), Wanted::Both).is_err());
}

#[test]
fn bits_depend_on_no_other_sequence() {
    let lengths = [3, 40, 1, 17, 9];
    let all: Vec<Hiddens> = lengths.iter().enumerate().map(|(i, steps)| hiddens(*steps, i)).collect();
    let sequences: Vec<&Hiddens> = all.iter().collect();
    for kind in [Dtype::F32, Dtype::F16, Dtype::Bf16] {
        let mut card = on_card(kind);
        let together = card.render(Source::Hiddens(&sequences), Wanted::Both).unwrap();
        for (own, alone) in sequences.iter().zip(&together) {
            assert_eq!(card.render(Source::Hiddens(&[own]), Wanted::Both).unwrap()[0], *alone);
            assert_eq!(card.render(Source::Hiddens(&[own]), Wanted::Mel).unwrap()[0].mel, alone.mel);
            assert_eq!(
                card.render(Source::Mels(&[&alone.mel.values]), Wanted::Wave).unwrap()[0].wave,
                alone.wave
            );
        }
        // In small pieces and small groups, of which one is larger than a group should be.
        (card.piece, card.together) = (7, 50);
        *card.workspace() = None;
        assert_eq!(card.render(Source::Hiddens(&sequences), Wanted::Both).unwrap(), together);
    }
}

#[test]
fn states_that_stay_on_the_card_render_as_those_from_memory() {
    let kernels = kernels(1 << 30);
    let card = CardRenderer::load(&checkpoint(), &kernels, Dtype::F16, FRAMES).unwrap();
    let driver = kernels.driver();
    // Two blocks of 16 steps, of which the second is not full, and one.
    let pool = Arc::new(StatePool::new(driver, 16 * HIDDEN, 3).unwrap());
    let all = [hiddens(23, 1), hiddens(16, 2), hiddens(1, 3)];
    let pages: Vec<_> =
        all.iter().map(|one| Buffer::from_slice(driver, &one.values().unwrap()).unwrap()).collect();
    let lend = |i: usize| {
        let places = (0..all[i].len().div_ceil(16 * HIDDEN)).map(|block| pages[i].at(block * 16 * HIDDEN));
        CardStates::copy(&pool, driver, places, all[i].len()).unwrap()
    };
    let [first, second] = [0, 1].map(|i| Hiddens::on(Arc::new(lend(i).expect("there are blocks"))));
    assert!(lend(2).is_none(), "there are three blocks");
    assert!(first == all[0] && second == all[1] && first != second);
    let expected = card.render(Source::Hiddens(&[&all[0], &all[1], &all[2]]), Wanted::Both).unwrap();
    let found = card.render(Source::Hiddens(&[&first, &second, &all[2]]), Wanted::Both).unwrap();
    assert!(found == expected);
    // Another card takes them from memory.
    assert!(on_card(Dtype::F16).render(Source::Hiddens(&[&first]), Wanted::Both).unwrap()[0] == expected[0]);
    drop(second);
    assert!(lend(2).is_some());
}

#[test]
fn voices_are_encoded_as_on_a_processor() {
    let card = Renderer::new(HIDDEN, Box::new(on_card(Dtype::F16)));
    let wave: Vec<f32> = (0..20_000).map(|i| ((i * i) as f32 * 1e-5 + i as f32 * 0.05).sin() * 0.3).collect();
    let rows = hiddens(3, 4);
    let before = card.from_hiddens(&[&rows]).unwrap();
    // An even number of frames, an odd one, and the fewest.
    for samples in [6000, 6000 + HOP, 20_000, 600] {
        let found = card.encode(&wave[..samples]).unwrap();
        assert_eq!(found, on_processor().encode(&wave[..samples]).unwrap(), "{samples} samples");
    }
    assert!(card.from_hiddens(&[&rows]).unwrap() == before);
}

#[test]
fn what_does_not_fit_leaves_a_card_in_use() {
    let load = |memory| {
        let kernels = kernels(memory);
        let card = CardRenderer::load(&checkpoint(), &kernels, Dtype::F32, FRAMES).unwrap();
        (card, kernels.driver().memory().unwrap())
    };
    let memory = load(1 << 30).1;
    // What it takes from the start, and not enough for more.
    let (card, _) = load(memory.total - memory.free + (1 << 20));
    assert!(matches!(card.reserve(TOGETHER), Err(Error::Device(_))));
    let rows = hiddens(5, 1);
    assert_eq!(card.render(Source::Hiddens(&[&rows]), Wanted::Both).unwrap()[0].mel.frames(), 10);
    let taken = || card.layout.kernels.driver().memory().unwrap().free;
    let before = taken();
    card.render(Source::Hiddens(&[&rows, &rows]), Wanted::Both).unwrap();
    assert_eq!(taken(), before);
}

#[test]
fn groups_are_as_large_as_they_may() {
    assert_eq!(groups(&[3, 4, 9, 1, 1], 7), [0..2, 2..3, 3..5]);
    assert!(groups(&[], 7).is_empty());
}
