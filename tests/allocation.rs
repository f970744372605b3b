//! A step that has run before takes no memory for what it computes: the tensor library's own notes, some
//! bytes for each operation, are all.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use chattts_rs::backend::{Checkpoint, CpuStep, NOISE_SEED, WeightType};
use chattts_rs::engine::{Batch, BatchRow, Head, Input, Step};
use chattts_rs::hub::NoiseSize;

struct Counting;

/// How often memory was taken, and the most bytes at once.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn note(size: usize) {
    TAKEN.fetch_add(1, Ordering::Relaxed);
    MOST.fetch_max(size, Ordering::Relaxed);
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SLOTS: u32 = 3;
/// Bytes of a note of the tensor library.
const NOTE: usize = 64;
/// Operations of a layer, and those around the layers.
const OPERATIONS: (usize, usize) = (10, 10);

fn batch(positions: std::ops::Range<u32>) -> Batch {
    let mut batch = Batch::default();
    for slot in 0..SLOTS {
        for position in positions.clone() {
            let input = match position % 2 {
                0 => Input::Text(position % 600),
                _ => Input::Codes(vec![position % 600; 4]),
            };
            batch.rows.push(BatchRow { slot, position, input });
        }
        let head = if slot == 2 { Head::Text } else { Head::Codes };
        batch.wanted.push((batch.rows.len() - 1, head));
    }
    batch
}

#[test]
fn a_step_takes_no_memory_for_what_it_computes() {
    // With more threads one of them might have its first task late, and its buffers with it.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().unwrap();
    for kind in [WeightType::F32, WeightType::Q8] {
        let checkpoint = Checkpoint::noise(NoiseSize::Tiny, NOISE_SEED).unwrap();
        let mut step = CpuStep::load(&checkpoint, kind, SLOTS as usize).unwrap();
        let mut outputs = Vec::new();
        step.run(&batch(0..20), &mut outputs).unwrap();
        step.run(&batch(20..21), &mut outputs).unwrap();
        let plans: Vec<Batch> = (21..200).map(|position| batch(position..position + 1)).collect();
        TAKEN.store(0, Ordering::Relaxed);
        MOST.store(0, Ordering::Relaxed);
        for batch in &plans {
            step.run(batch, &mut outputs).unwrap();
        }
        let (taken, most) = (TAKEN.load(Ordering::Relaxed), MOST.load(Ordering::Relaxed));
        let operations = OPERATIONS.0 * checkpoint.config.layers + OPERATIONS.1;
        assert!(taken <= operations * plans.len(), "{kind:?}: {taken} times in {} steps", plans.len());
        assert!(most <= NOTE, "{kind:?}: {most} bytes at once");
    }
}
