use super::super::testing::numbers;
use super::*;

/// Computes attention by its definition, in double precision.
fn plain(rows: AttentionRows, shape: CacheShape, row: usize, head: usize) -> Vec<f64> {
    let (slot, position) = rows.place(row);
    let size = shape.head_size;
    let turned = |row, part| {
        let mut to = vec![0f32; size];
        rows.turned(shape, row, part, head, &mut to);
        to
    };
    let past: Vec<usize> = (0..rows.count())
        .filter(|other| rows.place(*other).0 == slot && rows.place(*other).1 <= position)
        .collect();
    assert_eq!(past.len(), position + 1);
    let query = turned(row, 0);
    let scores: Vec<f64> = past
        .iter()
        .map(|other| {
            let key = turned(*other, 1);
            let dot: f64 = query.iter().zip(&key).map(|(q, k)| f64::from(*q) * f64::from(*k)).sum();
            (dot / (size as f64).sqrt()).exp()
        })
        .collect();
    let total: f64 = scores.iter().sum();
    (0..size)
        .map(|i| {
            let value = |other: &usize| f64::from(rows.head(shape, *other, 2, head)[i]);
            past.iter().zip(&scores).map(|(other, score)| value(other) * score / total).sum()
        })
        .collect()
}

#[test]
fn rotations_are_computed_as_far_as_they_are_used() {
    let (size, positions, theta) = (22, 3 * ROTATIONS - 5, 1e4f32);
    let table = RopeTable::new(size, positions, theta);
    let parts = |table: &RopeTable| table.parts.iter().filter(|part| part.get().is_some()).count();
    assert_eq!(parts(&table), 0);
    let position = ROTATIONS + 3;
    let row = table.row(position);
    for i in 0..size / 2 {
        let angle = position as f32 * (1.0 / theta.powf(2.0 * i as f32 / size as f32));
        assert_eq!((row[i], row[size / 2 + i]), (angle.cos(), angle.sin()));
    }
    assert_eq!(parts(&table), 1);
    assert_eq!(table.values().len(), positions * size);
}

#[test]
fn it_is_attention_in_any_company() {
    for (heads, head_size, tolerance) in [(2, 16, 1e-5), (3, 64, 1e-5), (1, 22, 1e-5), (2, 96, 1e-5)] {
        let shape = CacheShape { slots: 3, heads, head_size, capacity: 40 };
        // Two slots, one of 37 positions, one of 16, all at once.
        let places: Vec<_> = (0..37).map(|p| (2, p)).chain((0..16).map(|p| (0, p))).collect();
        let qkv = numbers(53 * 3 * heads * head_size, 1);
        let rope = RopeTable::new(head_size, 40, 1e4);
        let rows = AttentionRows { qkv: &qkv, places: &places, rope: &rope };
        let hidden = heads * head_size;
        let (mut cache, mut halves) = (vec![0f32; shape.size()], vec![f16::ZERO; shape.size()]);
        store(&Team::new(1), rows, &mut cache, shape);
        store(&Team::new(2), rows, &mut halves, shape);
        let (mut out, mut rough) = (vec![0f32; 53 * hidden], vec![0f32; 53 * hidden]);
        let team = Team::new(3);
        attend(&team, rows, &cache, shape, &mut out);
        attend(&team, rows, &halves, shape, &mut rough);
        for (row, (out, rough)) in out.chunks(hidden).zip(rough.chunks(hidden)).enumerate() {
            for head in 0..heads {
                let exact = plain(rows, shape, row, head);
                let range = head * head_size..(head + 1) * head_size;
                for ((exact, found), rough) in exact.iter().zip(&out[range.clone()]).zip(&rough[range]) {
                    assert!((exact - f64::from(*found)).abs() < tolerance, "{exact} {found}");
                    assert!((exact - f64::from(*rough)).abs() < 2e-3, "{exact} {rough}");
                }
            }
            // Alone, on one thread: the same bits.
            let alone = AttentionRows {
                qkv: &qkv[row * 3 * hidden..(row + 1) * 3 * hidden],
                places: &places[row..row + 1],
                rope: &rope,
            };
            let mut single = vec![0f32; hidden];
            attend(&Team::new(1), alone, &cache, shape, &mut single);
            assert_eq!(single, out, "{row}");
        }
    }
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    let (width, length) = (64, 41);
    let cache = numbers(3 * 2 * LANES * width, 5);
    let blocks = Blocks { first: cache.as_ptr(), stride: 2 * LANES * width, width };
    let scratch = || Scratch { turned: numbers(width, 6), scores: vec![0.0; 48], out: vec![0.0; width] };
    let mut plain = scratch();
    // SAFETY: three blocks hold 41 positions.
    unsafe { one_head::<Plain, f32>(blocks, length, &mut plain) };
    #[cfg(target_arch = "x86_64")]
    {
        use super::super::simd::x86::{Avx2, Avx512};
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
        unsafe fn avx512(blocks: Blocks<f32>, length: usize, scratch: &mut Scratch) {
            unsafe { one_head::<Avx512, f32>(blocks, length, scratch) }
        }
        #[target_feature(enable = "avx2,fma,f16c")]
        unsafe fn avx2(blocks: Blocks<f32>, length: usize, scratch: &mut Scratch) {
            unsafe { one_head::<Avx2, f32>(blocks, length, scratch) }
        }
        let level = super::super::level();
        let (mut wide, mut narrow) = (scratch(), scratch());
        if level.avx512 {
            // SAFETY: checked; as above.
            unsafe { avx512(blocks, length, &mut wide) };
            assert_eq!(wide.out, plain.out);
        }
        if level.avx2 {
            // SAFETY: checked; as above.
            unsafe { avx2(blocks, length, &mut narrow) };
            assert_eq!(narrow.out, plain.out);
        }
    }
}
