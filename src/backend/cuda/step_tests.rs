use std::collections::HashMap;
use std::sync::Arc;

use super::*;
use crate::backend::cuda::emulated::{Emulated, How, Where};
use crate::backend::cuda::layout::CardLayout;
use crate::backend::cuda::lookahead::STEPS;
use crate::backend::cuda::shared::PAGE;
use crate::backend::cuda::{Kernels, types};
use crate::backend::{Checkpoint, NOISE_SEED};
use crate::device::Precision;
use crate::engine::{Codes, EngineCore, Event, Goal, Refine, Request, RequestId};
use crate::hub::NoiseSize;
use crate::sampling::{NoiseMode, SamplingParams};

type Spoken = HashMap<RequestId, Codes>;

struct Card {
    emulated: Arc<Emulated>,
    engine: EngineCore<CardStep>,
}

impl Card {
    fn new(slots: usize) -> Self {
        Card::on(Arc::new(Emulated::new(0, 1 << 30)), slots)
    }

    fn on(emulated: Arc<Emulated>, slots: usize) -> Self {
        Card::in_type(Precision::F16, emulated, slots)
    }

    fn in_type(precision: Precision, emulated: Arc<Emulated>, slots: usize) -> Self {
        let checkpoint = Checkpoint::noise(NoiseSize::Tiny, NOISE_SEED).unwrap();
        let vocabulary = checkpoint.vocabulary().unwrap();
        let (kind, eight_bits) = types(precision);
        let kernels = Kernels::new(Arc::clone(&emulated) as _);
        let model = CardLlama::load(&checkpoint, CardLayout { kernels, kind, eight_bits }).unwrap();
        let slots = Slots { wanted: slots, fewer: false, memory_fraction: 0.9 };
        let step = CardStep::new(model, slots).unwrap();
        Card { engine: EngineCore::new(vocabulary, step.slots(), step), emulated }
    }

    /// A card on which sequences have so many pages at most, and all of them together as many as one may have.
    fn of_pages(slots: usize, pages: usize) -> Self {
        let emulated = Arc::new(Emulated::new(0, 1 << 30));
        let mut checkpoint = Checkpoint::noise(NoiseSize::Tiny, NOISE_SEED).unwrap();
        checkpoint.config.max_positions = pages * PAGE as usize;
        let vocabulary = checkpoint.vocabulary().unwrap();
        let kernels = Kernels::new(Arc::clone(&emulated) as _);
        let (kind, eight_bits) = types(Precision::F16);
        let model = CardLlama::load(&checkpoint, CardLayout { kernels, kind, eight_bits });
        let slots = Slots { wanted: slots, fewer: false, memory_fraction: 0.9 };
        let mut step = CardStep::new(model.unwrap(), slots).unwrap();
        step.limit(1);
        Card { engine: EngineCore::new(vocabulary, step.slots(), step), emulated }
    }

    fn submit(&mut self, requests: &[Request]) {
        for (id, request) in requests.iter().enumerate() {
            self.engine.submit(id as RequestId, Goal::Speak, request.clone());
        }
    }

    /// Runs until all is done, and returns what was spoken and the steps that took.
    fn run(&mut self) -> (Spoken, usize) {
        let (mut spoken, mut steps) = (Spoken::new(), 0);
        while !self.engine.is_idle() {
            steps += 1;
            for event in self.engine.step().unwrap() {
                match event {
                    Event::Spoken { id, codes } => {
                        assert!(spoken.insert(id, *codes).is_none(), "{id} is spoken twice");
                    }
                    Event::Failed { id, error } => panic!("{id}: {error}"),
                    _ => {}
                }
            }
        }
        (spoken, steps)
    }
}

/// Asks for a text that takes just so many steps.
fn request(seed: u64, steps: usize, noise: NoiseMode) -> Request {
    let mut request = Request::new(format!("第{seed}行"));
    request.sampling = SamplingParams { max_tokens: steps, min_tokens: steps, ..SamplingParams::speech() };
    request.seed = seed;
    request.noise = noise;
    request
}

#[test]
fn sequences_join_where_drawn_steps_end() {
    const SLOTS: usize = 4;
    let lengths = [3, 30, 12, 21, 9, 17, 1, 26, 2, 13, 8, 25];
    let requests: Vec<Request> =
        (0..).zip(lengths).map(|(seed, steps)| request(seed, steps, NoiseMode::Stream)).collect();
    let mut card = Card::new(SLOTS);
    card.submit(&requests);
    let (spoken, _) = card.run();
    assert_eq!(spoken.len(), lengths.len());

    // A pass for all that begin, then steps of all that go on, as long as there are any.
    let mut queue = lengths.into_iter();
    let (mut left, mut draws) = ([0usize; SLOTS], [0, 0]);
    // What goes in is laid out by the steps themselves, unless others go on than before.
    let (mut embedded, mut are_same) = (0, false);
    loop {
        let free: Vec<&mut usize> = left.iter_mut().filter(|left| **left == 0).collect();
        let begun: Vec<_> = free.into_iter().zip(&mut queue).map(|(left, steps)| *left = steps - 1).collect();
        draws[0] += usize::from(!begun.is_empty());
        embedded += usize::from(!begun.is_empty());
        are_same &= begun.is_empty();
        let going = |left: &[usize; SLOTS]| left.iter().filter(|left| **left > 0).count();
        let before = going(&left);
        if before > 0 {
            draws[1] += STEPS;
            embedded += usize::from(!are_same);
            left.iter_mut().for_each(|left| *left = left.saturating_sub(STEPS));
            are_same = going(&left) == before;
        } else if begun.is_empty() {
            break;
        }
    }
    assert_eq!(["draw_tokens", "draw_ahead"].map(|kernel| card.emulated.launched(kernel)), draws);
    assert_eq!(card.emulated.launched("embed"), embedded);
}

#[test]
fn a_card_that_records_nothing_launches_what_it_is_asked_for() {
    let requests = [25, 41, 12].map(|steps| request(steps as u64, steps, NoiseMode::Stream));
    let mut recording = Card::new(2);
    recording.submit(&requests);
    let (expected, _) = recording.run();

    let mut refusing = Card::on(Arc::new(Emulated::faulty(1 << 30, How::Wrong, Where::Capture)), 2);
    refusing.submit(&requests);
    assert!(refusing.run().0 == expected);
    let launches = |card: &Card| card.emulated.launched("draw_ahead");
    assert_eq!(launches(&refusing), launches(&recording));
}

#[test]
fn a_sequence_alone_waits_for_nobody() {
    let mut card = Card::new(1);
    card.submit(&[1, 2].map(|seed| request(seed, 10, NoiseMode::Repeat)));
    let (_, steps) = card.run();
    assert_eq!(steps, 2 * 10);
    // Of each: the prompt, and the first of two runs of steps.
    assert_eq!(card.emulated.launched("embed"), 2 * 2);
}

#[test]
fn what_waits_says_the_same() {
    let requests: Vec<Request> = (0..9)
        .map(|seed| {
            let noise = [NoiseMode::Repeat, NoiseMode::Stream][seed as usize % 2];
            let mut request = request(seed, 2 + 7 * seed as usize % 23, noise);
            let sampling = SamplingParams { max_tokens: 3 + seed as usize, ..SamplingParams::refine() };
            let refine = Refine { tags: "[oral_2]".into(), sampling };
            request.refine = (seed % 3 == 1).then_some(refine);
            request
        })
        .collect();
    let mut alone = Card::new(1);
    alone.submit(&requests);
    let (expected, _) = alone.run();
    assert!(expected.len() == requests.len() && expected[&1].refined.is_some());

    let mut beside = Card::new(4);
    // Dropped while some of them wait for others, and begun anew.
    beside.submit(&requests);
    for _ in 0..6 {
        beside.engine.step().unwrap();
    }
    beside.engine.clear();
    beside.submit(&requests);
    let (found, _) = beside.run();
    assert!(expected == found, "what is spoken depends on what is spoken beside it");
}

#[test]
fn keys_and_values_of_8_bits_depend_on_nobody_beside_them() {
    // Alone by the kernels for few rows, and together by those for many.
    let requests: Vec<Request> =
        (0..20).map(|seed| request(seed, 10 + seed as usize % 4, NoiseMode::Stream)).collect();
    let speak = |precision, slots| {
        let mut card = Card::in_type(precision, Arc::new(Emulated::new(0, 1 << 30)), slots);
        card.submit(&requests);
        (card.run().0, card.emulated.launched("attend_small"), card.emulated.launched("attend_f16"))
    };
    let (alone, _, _) = speak(Precision::F16Kv8, 1);
    let (together, small, plain) = speak(Precision::F16Kv8, 20);
    assert!(alone == together, "what is spoken depends on what is spoken beside it");
    assert!(small > 0 && plain == 0);
    assert!(together != speak(Precision::F16, 20).0);
}

#[test]
fn a_cancelled_sequence_leaves_its_slot_to_the_next_and_its_neighbours_alone() {
    let requests = [25, 30, 12].map(|steps| request(steps as u64, steps, NoiseMode::Stream));
    let mut alone = Card::new(1);
    alone.submit(&requests);
    let (mut expected, _) = alone.run();
    assert!(expected.remove(&0).is_some());

    let mut card = Card::new(2);
    card.submit(&requests);
    // Some of the steps that were drawn ahead still wait for it.
    for _ in 0..5 {
        card.engine.step().unwrap();
    }
    assert!(card.engine.cancel(0));
    assert!(card.run().0 == expected, "a slot or a neighbour of what was cancelled draws otherwise");
}

#[test]
fn what_is_put_back_for_want_of_pages_is_spoken_to_the_byte() {
    // Prompts of a hundred positions, so that few steps are left on the first page.
    let requests = [40, 33, 50].map(|steps| {
        let request = request(steps as u64, steps, NoiseMode::Stream);
        Request { text: "好".repeat(100), ..request }
    });
    let mut alone = Card::new(1);
    alone.submit(&requests);
    let (expected, _) = alone.run();

    // Each takes one of four pages, and needs another at about the same time.
    let mut card = Card::of_pages(3, 4);
    card.submit(&requests);
    let (mut spoken, mut steps) = (Spoken::new(), 0);
    while !card.engine.is_idle() {
        steps += 1;
        if steps % 5 == 0 {
            card.engine.codes(2).unwrap();
        }
        for event in card.engine.step().unwrap() {
            if let Event::Spoken { id, codes } = event {
                spoken.insert(id, *codes);
            }
        }
    }
    assert!(spoken == expected, "what is put back is spoken otherwise");
    // All begin together, in two passes, and the last once more.
    assert_eq!(card.emulated.launched("draw_tokens"), 2 + 1);
    let (_, step) = card.engine.parts_mut();
    assert_eq!((step.cache.pages(), step.cache.left()), (4, 4 - 2), "pages of the last alone are held");
}

#[test]
fn what_is_urgent_takes_the_pages_of_what_is_not() {
    let requests = [12, 30, 25, 9].map(|steps| request(steps as u64, steps, NoiseMode::Stream));
    let mut alone = Card::new(1);
    alone.submit(&requests);
    let (expected, _) = alone.run();
    let order = |is_urgent: bool| {
        let mut card = Card::of_pages(4, 3);
        for (id, request) in (0..3).zip(&requests) {
            card.engine.submit(id, Goal::Speak, request.clone());
        }
        card.engine.step().unwrap();
        match is_urgent {
            true => card.engine.submit_urgent(3, Goal::Speak, requests[3].clone()),
            false => card.engine.submit(3, Goal::Speak, requests[3].clone()),
        }
        let mut order = Vec::new();
        let mut spoken = Spoken::new();
        while !card.engine.is_idle() {
            for event in card.engine.step().unwrap() {
                if let Event::Spoken { id, codes } = event {
                    order.push(id);
                    spoken.insert(id, *codes);
                }
            }
        }
        assert!(spoken == expected);
        order
    };
    // There are pages for two, and one that stays free for them.
    let before = |order: &[RequestId], a, b| order.iter().find(|id| [a, b].contains(*id)) == Some(&a);
    let ordinary = order(false);
    assert!(before(&ordinary, 1, 3), "{ordinary:?}");
    let urgent = order(true);
    assert!(before(&urgent, 3, 1) && before(&urgent, 3, 2), "{urgent:?}");
}
