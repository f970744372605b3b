//! Twins of what is between the products of the Llama.

use super::{ALLOWED, Finding, KINDS, Random, download, larger, name, rounded, upload, worst};
use crate::cuda::driver::Buffer;
use crate::cuda::program::{
    Attention, CODES, CacheArgument, Embedding, Kept, Norm, Number, Program, Row, SPEAKER, TEXT,
};
use crate::error::Result;

pub fn check(program: &Program, random: &mut Random) -> Result<Vec<Finding>> {
    let mut findings = vec![embed(program, random)?, keep(program, random)?];
    for kind in KINDS {
        findings.push(rms_norm(program, random, kind)?);
        findings.extend(attention(program, random, kind)?);
    }
    Ok(findings)
}

fn embed(program: &Program, random: &mut Random) -> Result<Finding> {
    let (hidden, codebooks, code_tokens, text_tokens) = (72, 4, 10, 30);
    let text = random.normals(text_tokens * hidden, 1.0);
    let codes = random.normals(codebooks * code_tokens * hidden, 1.0);
    let speakers = random.normals(2 * hidden, 1.0);
    let rows: Vec<Row> = (0..9)
        .map(|i| {
            let mut tokens = [0; 8];
            let kind = [TEXT, SPEAKER, CODES][i % 3];
            let end = [text_tokens, 2, code_tokens][i % 3];
            tokens[..codebooks].fill_with(|| random.below(end) as u32);
            Row { kind, tokens, ..Row::default() }
        })
        .collect();
    let row_of = |table: &[f32], row: usize, i: usize| f64::from(table[row * hidden + i]);
    let expected: Vec<f64> = rows
        .iter()
        .flat_map(|row| (0..hidden).map(move |i| (row, i)))
        .map(|(row, i)| match row.kind {
            TEXT => row_of(&text, row.tokens[0] as usize, i),
            SPEAKER => row_of(&speakers, row.tokens[0] as usize, i),
            _ => (0..codebooks)
                .map(|book| row_of(&codes, book * code_tokens + row.tokens[book] as usize, i))
                .sum(),
        })
        .collect();
    let driver = program.driver();
    let buffers = [&text, &codes, &speakers].map(|values| Buffer::from_slice(driver, values));
    let [text, codes, speakers] = buffers;
    let (text, codes, speakers) = (text?, codes?, speakers?);
    let rows = Buffer::from_slice(driver, &rows)?;
    let x = Buffer::<f32>::new(driver, 9 * hidden)?;
    program.embed(Embedding {
        rows: rows.address(),
        count: 9,
        text: text.address(),
        codes: codes.address(),
        speakers: speakers.address(),
        x: x.address(),
        hidden: hidden as u32,
        codebooks: codebooks as u32,
        code_tokens: code_tokens as u32,
    })?;
    let found = worst(Number::F32, &expected, &x.to_vec(9 * hidden)?);
    Ok(Finding { kernel: "embed f32".into(), shapes: 1, worst: found, allowed: ALLOWED })
}

/// Keeping hidden states: values that differ.
fn keep(program: &Program, random: &mut Random) -> Result<Finding> {
    let (count, capacity, width) = (5, 40, 70);
    let mut differ = 0;
    for at in 0..3 {
        // One of them beyond what a slot keeps.
        let kept: Vec<Kept> =
            (0..count).map(|slot| Kept { slot, index: if slot == 1 { 40 } else { slot + at } }).collect();
        let hidden = random.normals(count as usize * width, 1.0);
        let driver = program.driver();
        let (on_card, states) = (Buffer::from_slice(driver, &kept)?, Buffer::from_slice(driver, &hidden)?);
        let store = Buffer::<f32>::zeros(driver, count as usize * capacity * width)?;
        let size = [width as u32, capacity as u32];
        program.keep_rows(states.address(), on_card.address(), count, store.address(), size)?;

        let mut expected = vec![0f32; store.len()];
        for (kept, hidden) in kept.iter().zip(hidden.chunks_exact(width)).filter(|(kept, _)| kept.index < 40)
        {
            let at = (kept.slot as usize * capacity + kept.index as usize) * width;
            expected[at..][..width].copy_from_slice(hidden);
        }
        differ += usize::from(store.to_vec(store.len())? != expected);
    }
    Ok(Finding { kernel: "keep_rows".into(), shapes: 3, worst: differ as f64, allowed: 0.0 })
}

fn rms_norm(program: &Program, random: &mut Random, kind: Number) -> Result<Finding> {
    let mut found = 0.0f64;
    for width in [24, 64, 200, 768] {
        let (rows, stride, eps) = (5, width + 8, 1e-6f32);
        let x = random.normals(rows * width, 3.0);
        let weight = random.normals(width, 1.0);
        let picked: Vec<u32> = (0..rows).map(|_| random.below(rows) as u32).collect();
        let expected: Vec<f64> = picked
            .iter()
            .flat_map(|row| {
                let x = &x[*row as usize * width..][..width];
                let square: f64 = x.iter().map(|v| f64::from(*v) * f64::from(*v)).sum();
                let scale = 1.0 / (square / width as f64 + f64::from(eps)).sqrt();
                let normed = x.iter().zip(&weight).map(move |(x, w)| f64::from(*x) * scale * f64::from(*w));
                normed.chain(std::iter::repeat_n(0.0, stride - width)).collect::<Vec<_>>()
            })
            .collect();
        let driver = program.driver();
        let (x, weight) = (Buffer::from_slice(driver, &x)?, Buffer::from_slice(driver, &weight)?);
        let picked = Buffer::from_slice(driver, &picked)?;
        let y = Buffer::<u8>::new(driver, rows * stride * kind.size())?;
        program.rms_norm(
            kind,
            Norm {
                x: x.address(),
                weight: weight.address(),
                picked: picked.address(),
                y: y.address(),
                rows: rows as u32,
                width: width as u32,
                stride: stride as u32,
                eps,
            },
        )?;
        found = larger(found, worst(kind, &expected, &download(&y, kind)?));
    }
    Ok(Finding { kernel: name("rms_norm", kind), shapes: 4, worst: found, allowed: ALLOWED })
}

/// Keys and values of several slots, filled position by position, and rows that attend to them.
struct Case {
    heads: usize,
    head_size: usize,
    capacity: usize,
    rows: Vec<Row>,
    /// (rows, 3, heads, head size).
    qkv: Vec<f32>,
    /// (slots, heads, capacity, head size) each, as they lie in the cache before.
    keys: Vec<f32>,
    values: Vec<f32>,
    /// (capacity, 2, head size / 2): cosines, then sines.
    rotations: Vec<f32>,
}

impl Case {
    fn random(random: &mut Random, kind: Number, head_size: usize) -> Self {
        let (heads, capacity, slots) = (3, 600, 3);
        // One slot is begun, two go on, one of them over several spans.
        let starts = [(0, 0, 5), (1, 40, 1), (2, 523, 2)];
        let rows: Vec<Row> = starts
            .iter()
            .flat_map(|(slot, start, count)| {
                (0..*count).map(move |i| Row { slot: *slot, position: start + i, ..Row::default() })
            })
            .collect();
        let cached = slots * heads * capacity * head_size;
        Case {
            qkv: random.normals(rows.len() * 3 * heads * head_size, 1.0),
            keys: rounded(kind, &random.normals(cached, 1.0)),
            values: rounded(kind, &random.normals(cached, 1.0)),
            rotations: (0..capacity)
                .flat_map(|_| {
                    let angles = random.normals(head_size / 2, 2.0);
                    let sines: Vec<f32> = angles.iter().map(|angle| angle.sin()).collect();
                    angles.into_iter().map(f32::cos).chain(sines)
                })
                .collect(),
            heads,
            head_size,
            capacity,
            rows,
        }
    }

    fn offset(&self, row: &Row, head: usize, position: usize) -> usize {
        ((row.slot as usize * self.heads + head) * self.capacity + position) * self.head_size
    }

    /// Value `part` (0 query, 1 key, 2 value) of a row, as it is before rotation.
    fn of(&self, row: usize, part: usize, head: usize) -> &[f32] {
        &self.qkv[((row * 3 + part) * self.heads + head) * self.head_size..][..self.head_size]
    }

    fn rotated(&self, row: usize, part: usize, head: usize) -> Vec<f64> {
        let half = self.head_size / 2;
        let x: Vec<f64> = self.of(row, part, head).iter().copied().map(f64::from).collect();
        let position = self.rows[row].position as usize;
        let turn = |i: usize| {
            let [cosine, sine] =
                [0, half].map(|k| f64::from(self.rotations[position * self.head_size + k + i]));
            (cosine, sine)
        };
        let low = (0..half).map(|i| x[i] * turn(i).0 - x[i + half] * turn(i).1);
        let high = (0..half).map(|i| x[i + half] * turn(i).0 + x[i] * turn(i).1);
        low.chain(high).collect()
    }

    /// Keys and values after the rows are stored.
    fn stored(&self) -> (Vec<f64>, Vec<f64>) {
        let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<_>>();
        let (mut keys, mut values) = (wide(&self.keys), wide(&self.values));
        for (index, row) in self.rows.iter().enumerate() {
            for head in 0..self.heads {
                let at = self.offset(row, head, row.position as usize);
                keys[at..][..self.head_size].copy_from_slice(&self.rotated(index, 1, head));
                values[at..][..self.head_size].copy_from_slice(&wide(self.of(index, 2, head)));
            }
        }
        (keys, values)
    }

    /// (rows, heads · head size), from the rotated queries, the keys and the values that the card has.
    fn attended(&self, qkv: &[f32], keys: &[f32], values: &[f32]) -> Vec<f64> {
        let mut out = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            for head in 0..self.heads {
                let query = &qkv[(index * 3 * self.heads + head) * self.head_size..][..self.head_size];
                let base = self.offset(row, head, 0);
                let line = |of: &[f32], position: usize| {
                    of[base + position * self.head_size..][..self.head_size].to_vec()
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

fn attention(program: &Program, random: &mut Random, kind: Number) -> Result<[Finding; 2]> {
    let (mut stored, mut attended) = (0.0f64, 0.0f64);
    let sizes = [8, 16, 64];
    for head_size in sizes {
        let case = Case::random(random, kind, head_size);
        let (count, hidden) = (case.rows.len(), case.heads * case.head_size);
        let driver = program.driver();
        let qkv = Buffer::from_slice(driver, &case.qkv)?;
        let rotations = Buffer::from_slice(driver, &case.rotations)?;
        let rows = Buffer::from_slice(driver, &case.rows)?;
        let (keys, values) = (upload(program, kind, &case.keys)?, upload(program, kind, &case.values)?);
        let cache = CacheArgument {
            keys: keys.address(),
            values: values.address(),
            capacity: case.capacity as u32,
            heads: case.heads as u32,
            head_size: head_size as u32,
        };
        program.rotate_store(
            kind,
            qkv.address(),
            rows.address(),
            count as u32,
            rotations.address(),
            cache,
        )?;
        let (twin_keys, twin_values) = case.stored();
        let (found_keys, found_values) = (download(&keys, kind)?, download(&values, kind)?);
        stored = larger(stored, worst(kind, &twin_keys, &found_keys));
        stored = larger(stored, worst(kind, &twin_values, &found_values));
        let rotated = qkv.to_vec(case.qkv.len())?;
        let queries: Vec<f64> = (0..count)
            .flat_map(|row| (0..case.heads).map(move |head| (row, head)))
            .flat_map(|(row, head)| case.rotated(row, 0, head))
            .collect();
        let found: Vec<f32> =
            rotated.chunks_exact(3 * hidden).flat_map(|row| &row[..hidden]).copied().collect();
        stored = larger(stored, worst(Number::F32, &queries, &found));
        let longest = case.rows.iter().map(|row| row.position + 1).max().unwrap_or(0);
        let spans = Program::spans(longest) as usize;
        let partials = Buffer::<f32>::new(driver, count * case.heads * spans * (head_size + 2))?;
        let y = Buffer::<u8>::new(driver, count * hidden * kind.size())?;
        program.attend(
            kind,
            Attention {
                qkv: qkv.address(),
                rows: rows.address(),
                count: count as u32,
                cache,
                partials: partials.address(),
                y: y.address(),
                stride: hidden as u32,
                spans: spans as u32,
            },
        )?;
        let twin = case.attended(&rotated, &found_keys, &found_values);
        attended = larger(attended, worst(kind, &twin, &download(&y, kind)?));
    }
    let shapes = sizes.len();
    Ok([
        Finding { kernel: name("rotate_store", kind), shapes, worst: stored, allowed: ALLOWED },
        Finding { kernel: name("attend", kind), shapes, worst: attended, allowed: ALLOWED },
    ])
}
