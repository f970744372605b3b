//! Twins of attention, and of the keys and values that it sees.

use super::{ALLOWED, Finding, Random, download, from_bytes, larger, name, rounded, upload, worst};
use crate::backend::cuda::driver::Buffer;
use crate::backend::cuda::kernels::{Dtype, EightBits, Kernels, position_bytes};
use crate::backend::cuda::products::OUTPUTS_MULTIPLE;
use crate::backend::cuda::shared::{
    Attention, CacheArgument, Epilogue, PAGE, PageOffset, ProductArgument, Row,
};
use crate::error::Result;

/// Holds keys and values of several slots, filled position by position, and rows that attend to them.
struct Case {
    heads: usize,
    head_size: usize,
    slot_pages: usize,
    rows: Vec<Row>,
    inputs: usize,
    /// (rows, inputs), and (3 · heads · head size, inputs): what turns together lies one by one.
    x: Vec<f32>,
    w: Vec<f32>,
    /// (slots, pages of a slot).
    table: Vec<u32>,
    /// (pages, heads, page, head size) each, as they lie in the cache before.
    keys: Vec<f32>,
    values: Vec<f32>,
    /// (positions, 2, head size / 2): cosines, then sines.
    rotations: Vec<f32>,
}

impl Case {
    fn random(random: &mut Random, kind: Dtype, head_size: usize) -> Self {
        let (heads, slot_pages, slots, inputs) = (3, 5, 3, 64);
        // One slot is begun, two go on, one of them over several pages: more rows than the kernel for few takes.
        let starts = [(0, 0, 5), (1, 40, 1), (2, 126, 3), (2, 523, 2), (1, 41, 12)];
        let rows: Vec<Row> = starts
            .iter()
            .flat_map(|(slot, start, count)| {
                (0..*count).map(move |i| Row { slot: *slot, position: start + i, ..Row::default() })
            })
            .collect();
        let cached = slots * slot_pages * heads * PAGE as usize * head_size;
        let outputs = (3 * heads * head_size).next_multiple_of(OUTPUTS_MULTIPLE);
        let mut table: Vec<u32> = (0..(slots * slot_pages) as u32).collect();
        for i in (1..table.len()).rev() {
            table.swap(i, random.below(i + 1));
        }
        Case {
            x: rounded(kind, &random.normals(rows.len() * inputs, 1.0)),
            w: rounded(kind, &random.normals(outputs * inputs, 0.1)),
            keys: rounded(kind, &random.normals(cached, 1.0)),
            values: rounded(kind, &random.normals(cached, 1.0)),
            rotations: (0..slot_pages * PAGE as usize)
                .flat_map(|_| {
                    let angles = random.normals(head_size / 2, 2.0);
                    let sines: Vec<f32> = angles.iter().map(|angle| angle.sin()).collect();
                    angles.into_iter().map(f32::cos).chain(sines)
                })
                .collect(),
            table,
            heads,
            head_size,
            slot_pages,
            rows,
            inputs,
        }
    }

    fn offset(&self, slot: u32, head: usize, position: usize) -> usize {
        let page = self.table[slot as usize * self.slot_pages + position / PAGE as usize] as usize;
        ((page * self.heads + head) * PAGE as usize + position % PAGE as usize) * self.head_size
    }

    /// Returns value `part` (0 query, 1 key, 2 value) of a row's head, rotated where it has to be.
    fn turned(&self, row: usize, part: usize, head: usize) -> Vec<f64> {
        let x = &self.x[row * self.inputs..][..self.inputs];
        let first = (part * self.heads + head) * self.head_size;
        let mut of: Vec<f64> = (first..first + self.head_size)
            .map(|output| {
                let w = &self.w[output * self.inputs..][..self.inputs];
                x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum()
            })
            .collect();
        if part < 2 {
            let rotation = &self.rotations[self.rows[row].position as usize * self.head_size..];
            for (pair, [low, high]) in of.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                let [cosine, sine] = [0, self.head_size / 2].map(|k| f64::from(rotation[k + pair]));
                (*low, *high) = (*low * cosine - *high * sine, *high * cosine + *low * sine);
            }
        }
        of
    }

    /// Returns keys and values after the rows are stored.
    fn stored(&self) -> (Vec<f64>, Vec<f64>) {
        let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<_>>();
        let (mut keys, mut values) = (wide(&self.keys), wide(&self.values));
        for (index, row) in self.rows.iter().enumerate() {
            for head in 0..self.heads {
                let at = self.offset(row.slot, head, row.position as usize);
                keys[at..][..self.head_size].copy_from_slice(&self.turned(index, 1, head));
                values[at..][..self.head_size].copy_from_slice(&self.turned(index, 2, head));
            }
        }
        (keys, values)
    }

    /// Computes attention, (rows, heads · head size), from the rotated queries, the keys and the values that
    /// the card has.
    fn attended(&self, queries: &[f32], keys: &[f32], values: &[f32]) -> Vec<f64> {
        let mut out = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            for head in 0..self.heads {
                let query = &queries[(index * self.heads + head) * self.head_size..][..self.head_size];
                let line = |of: &[f32], position: usize| {
                    of[self.offset(row.slot, head, position)..][..self.head_size].to_vec()
                };
                let scores: Vec<f64> = (0..=row.position as usize)
                    .map(|position| {
                        let key = line(keys, position);
                        let dot: f64 =
                            query.iter().zip(&key).map(|(q, k)| f64::from(*q) * f64::from(*k)).sum();
                        dot / (self.head_size as f64).sqrt()
                    })
                    .collect();
                let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let weights: Vec<f64> = scores.iter().map(|score| (score - best).exp()).collect();
                let sum: f64 = weights.iter().sum();
                let mut to = vec![0.0; self.head_size];
                for (position, weight) in weights.iter().enumerate() {
                    for (to, value) in to.iter_mut().zip(line(values, position)) {
                        *to += weight / sum * f64::from(value);
                    }
                }
                out.extend(to);
            }
        }
        out
    }
}

/// Keys, or values, of heads as they lie in a card's memory.
#[derive(Clone, Copy)]
struct Layout {
    kind: Dtype,
    eight_bits: EightBits,
    head_size: usize,
}

impl Layout {
    fn position_bytes(self) -> usize {
        position_bytes(self.kind, self.eight_bits, self.head_size)
    }

    fn is_small(self) -> bool {
        self.eight_bits == EightBits::Cache
    }

    fn scale(bits: u8) -> f32 {
        f32::from_bits((u32::from(bits) + (112 << 3)) << 20)
    }

    fn encode(self, values: &[f32]) -> Vec<u8> {
        if !self.is_small() {
            return self.kind.encode(values);
        }
        let mut bytes = Vec::new();
        for head in values.chunks_exact(self.head_size) {
            let mut scales = Vec::new();
            for eight in head.as_chunks::<8>().0 {
                let largest = eight.iter().fold(0f32, |most, value| most.max(value.abs()));
                let is_enough = |bits: &u8| Self::scale(*bits) >= largest / 127.0;
                let bits = (8..=255).find(is_enough).unwrap_or(255);
                bytes.extend(eight.map(|value| (value / Self::scale(bits)).round() as i8 as u8));
                scales.push(bits);
            }
            scales.resize(self.position_bytes() - self.head_size, 0);
            bytes.extend(scales);
        }
        bytes
    }

    fn decode(self, bytes: &[u8]) -> Vec<f32> {
        if !self.is_small() {
            return from_bytes(self.kind, bytes);
        }
        let heads = bytes.chunks_exact(self.position_bytes()).map(|head| head.split_at(self.head_size));
        let value = |(at, number): (usize, &u8), scales: &[u8]| {
            f32::from(*number as i8) * Self::scale(scales[at / 8])
        };
        heads
            .flat_map(|(numbers, scales)| numbers.iter().enumerate().map(move |of| value(of, scales)))
            .collect()
    }

    /// Returns the largest error beyond what rounding explains, as [`worst`] does.
    fn worst(self, expected: &[f64], bytes: &[u8]) -> f64 {
        let found = self.decode(bytes);
        if !self.is_small() {
            return worst(self.kind, expected, &found);
        }
        let square: f64 = expected.iter().map(|v| v * v).sum();
        let size = (square / expected.len() as f64).sqrt();
        let scales = bytes.chunks_exact(self.position_bytes()).flat_map(|head| {
            head[self.head_size..][..self.head_size / 8].iter().map(|bits| f64::from(Self::scale(*bits)))
        });
        let eights = expected.as_chunks::<8>().0.iter().zip(found.as_chunks::<8>().0).zip(scales);
        eights.fold(0.0, |all, ((expected, found), scale)| {
            let largest = expected.iter().fold(0f64, |most, value| most.max(value.abs()));
            // An eighth more than it has to be at most, but for the least.
            let fits = scale <= (largest / 127.0 * 1.125).max(f64::from(Self::scale(8))) * (1.0 + 1e-5);
            let beyond = |(e, f): (&f64, &f32)| ((e - f64::from(*f)).abs() - scale / 2.0).max(0.0) / size;
            let error = expected.iter().zip(found).map(beyond).fold(0.0, larger);
            larger(all, if fits { error } else { f64::NAN })
        })
    }
}

/// Checks what is stored of rows and what they attend to.
pub fn check(
    kernels: &Kernels,
    random: &mut Random,
    (kind, eight_bits): (Dtype, EightBits),
) -> Result<[Finding; 2]> {
    let (mut stored, mut attended) = (0.0f64, 0.0f64);
    let sizes = [8, 16, 64, 256];
    for head_size in sizes {
        let case = Case::random(random, kind, head_size);
        let (count, hidden) = (case.rows.len(), case.heads * case.head_size);
        let driver = kernels.driver();
        let (x, w) = (upload(kernels, kind, &case.x)?, upload(kernels, kind, &case.w)?);
        let queries = Buffer::<f32>::new(driver, count * hidden)?;
        let rotations = Buffer::from_slice(driver, &case.rotations)?;
        let rows = Buffer::from_slice(driver, &case.rows)?;
        let layout = Layout { kind, eight_bits, head_size };
        let before = [&case.keys, &case.values].map(|values| layout.encode(values));
        let upload_cache = || -> Result<[Buffer<u8>; 2]> {
            Ok([Buffer::from_slice(driver, &before[0])?, Buffer::from_slice(driver, &before[1])?])
        };
        let [keys, values] = upload_cache()?;
        let page_bytes = case.heads * PAGE as usize * layout.position_bytes();
        let page = |page: &u32| PageOffset { cache: (*page as usize * page_bytes) as u64, states: 0 };
        let table = Buffer::from_slice(driver, &case.table.iter().map(page).collect::<Vec<_>>())?;
        let cache = CacheArgument {
            base: keys.address(),
            table: table.address(),
            keys: 0,
            values: values.address().wrapping_sub(keys.address()),
            slot_pages: case.slot_pages as u32,
            heads: case.heads as u32,
            head_size: head_size as u32,
            position_bytes: layout.position_bytes() as u32,
            small: layout.is_small().into(),
        };
        let product = ProductArgument {
            x: x.address(),
            w: w.address(),
            y: queries.address(),
            rows: count as u32,
            inputs: case.inputs as u32,
            outputs: 3 * hidden as u32,
            x_stride: case.inputs as u32,
            y_stride: hidden as u32,
            epilogue: Epilogue::RotateStore as u32,
            places: rows.address(),
            rotations: rotations.address(),
            cache,
            ..ProductArgument::default()
        };
        kernels.product(kind, product, None)?;
        let (twin_keys, twin_values) = case.stored();
        let (key_bytes, value_bytes) = (keys.to_vec(keys.len())?, values.to_vec(values.len())?);
        stored = larger(stored, layout.worst(&twin_keys, &key_bytes));
        stored = larger(stored, layout.worst(&twin_values, &value_bytes));
        let (found_keys, found_values) = (layout.decode(&key_bytes), layout.decode(&value_bytes));
        // A few at a time, which another kernel takes, to the same bytes.
        let [few_keys, few_values] = upload_cache()?;
        let few_queries = Buffer::<f32>::new(driver, count * hidden)?;
        let few_cache = CacheArgument {
            base: few_keys.address(),
            values: few_values.address().wrapping_sub(few_keys.address()),
            ..cache
        };
        for (first, end) in [(0, 11), (11, count)] {
            let of_few = ProductArgument {
                x: x.at(first * case.inputs * kind.size()),
                y: few_queries.at(first * hidden),
                places: rows.at(first),
                rows: (end - first) as u32,
                cache: few_cache,
                ..product
            };
            kernels.product(kind, of_few, None)?;
        }
        if few_keys.to_vec(keys.len())? != key_bytes || few_values.to_vec(values.len())? != value_bytes {
            stored = f64::NAN;
        }
        let turned = queries.to_vec(count * hidden)?;
        let twin: Vec<f64> = (0..count)
            .flat_map(|row| (0..case.heads).map(move |head| (row, head)))
            .flat_map(|(row, head)| case.turned(row, 0, head))
            .collect();
        stored = larger(stored, worst(Dtype::F32, &twin, &turned));
        let found = case.heads * case.slot_pages * (head_size + 2);
        let partials = Buffer::<f32>::new(driver, count * found)?;
        let arrived = Buffer::<u32>::zeros(driver, count * case.heads)?;
        let y = Buffer::<u8>::new(driver, count * hidden * kind.size())?;
        let attention = Attention {
            queries: queries.address(),
            rows: rows.address(),
            cache,
            partials: partials.address(),
            arrived: arrived.address(),
            y: y.address(),
            stride: hidden as u32,
            scale: 1.0 / (head_size as f32).sqrt(),
        };
        let twin = case.attended(&turned, &found_keys, &found_values);
        let mut alone = Vec::new();
        // Some twice: what blocks count themselves by is as before. Neither their number nor who joins what they found
        // changes a bit.
        let apart = kernels.apart();
        let by =
            [(&apart, 2), (&apart, 8), (&apart, 2), (&apart, 8), (kernels, 2), (kernels, 4), (kernels, 8)];
        for (kernels, blocks) in [(kernels, 1)].into_iter().chain(by) {
            kernels.attend(kind, attention, count as u32, blocks)?;
            let bytes = y.to_vec(y.len())?;
            if alone.is_empty() {
                attended = larger(attended, worst(kind, &twin, &download(&y, kind)?));
                alone = bytes;
            } else if bytes != alone {
                attended = f64::NAN;
            }
        }
    }
    let shapes = sizes.len();
    let name = |kernel| match eight_bits {
        EightBits::Cache => format!("{kernel} in 8 bits"),
        _ => name(kernel, kind),
    };
    Ok([
        Finding { kernel: name("queries, keys, values"), shapes, worst: stored, allowed: ALLOWED },
        Finding { kernel: name("attend"), shapes, worst: attended, allowed: ALLOWED },
    ])
}
