//! Twins of what is between the products of the Llama.

use super::{ALLOWED, Finding, KINDS, Random, attention, download, larger, name, worst};
use crate::backend::cuda::driver::Buffer;
use crate::backend::cuda::kernels::{Dtype, EightBits, Embedding, Kernels, Norm};
use crate::backend::cuda::shared::{CODES, Heads, Kept, PageOffset, Row, SPEAKER, TEXT};
use crate::error::Result;

pub fn check(kernels: &Kernels, random: &mut Random) -> Result<Vec<Finding>> {
    let mut findings = vec![embed(kernels, random)?, heads(kernels, random)?];
    for kind in KINDS {
        findings.push(rms_norm(kernels, random, kind)?);
        findings.extend(attention::check(kernels, random, (kind, EightBits::Nothing))?);
    }
    findings.extend(attention::check(kernels, random, (Dtype::F16, EightBits::Cache))?);
    Ok(findings)
}

fn embed(kernels: &Kernels, random: &mut Random) -> Result<Finding> {
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
    let driver = kernels.driver();
    let buffers = [&text, &codes, &speakers].map(|values| Buffer::from_slice(driver, values));
    let [text, codes, speakers] = buffers;
    let (text, codes, speakers) = (text?, codes?, speakers?);
    let rows = Buffer::from_slice(driver, &rows)?;
    let x = Buffer::<f32>::new(driver, 9 * hidden)?;
    kernels.embed(Embedding {
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
    let found = worst(Dtype::F32, &expected, &x.to_vec(9 * hidden)?);
    Ok(Finding { kernel: "embed f32".into(), shapes: 1, worst: found, allowed: ALLOWED })
}

fn rms_norm(kernels: &Kernels, random: &mut Random, kind: Dtype) -> Result<Finding> {
    let mut found = 0.0f64;
    for width in [24, 64, 200, 768] {
        let (rows, stride, eps) = (5, width + 8, 1e-6f32);
        let x = random.normals(rows * width, 3.0);
        let weight = random.normals(width, 1.0);
        let expected: Vec<f64> = x
            .chunks_exact(width)
            .flat_map(|x| normed(x, &weight, eps).into_iter().chain(std::iter::repeat_n(0.0, stride - width)))
            .collect();
        let driver = kernels.driver();
        let (x, weight) = (Buffer::from_slice(driver, &x)?, Buffer::from_slice(driver, &weight)?);
        let y = Buffer::<u8>::new(driver, rows * stride * kind.size())?;
        kernels.rms_norm(
            kind,
            Norm {
                x: x.address(),
                weight: weight.address(),
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

/// Computes x / rms(x) · weight of a row.
pub fn normed(x: &[f32], weight: &[f32], eps: f32) -> Vec<f64> {
    let square: f64 = x.iter().map(|v| f64::from(*v) * f64::from(*v)).sum();
    let scale = 1.0 / (square / x.len() as f64 + f64::from(eps)).sqrt();
    x.iter().zip(weight).map(|(x, w)| f64::from(*x) * scale * f64::from(*w)).collect()
}

/// Checks the last norm, the logits and the hidden states that are kept; a row's bits must depend on no
/// other.
fn heads(kernels: &Kernels, random: &mut Random) -> Result<Finding> {
    let (mut found, eps, shapes) = (0.0f64, 1e-6f32, [(32, 7, 1), (768, 41, 3), (96, 300, 19), (800, 33, 9)]);
    for (width, outputs, rows) in shapes {
        let (capacity, source) = (4, rows + 2);
        let x = random.normals(source * width, 2.0);
        let norm = random.normals(width, 1.0);
        let w = random.normals(outputs * width, 0.1);
        let picked: Vec<u32> = (0..rows).map(|row| ((row * 5 + 1) % source) as u32).collect();
        // Of every third there is no room.
        let kept: Vec<Kept> = (0..rows as u32).map(|row| Kept { slot: row, index: row % 3 * 2 }).collect();
        let states: Vec<f64> =
            picked.iter().flat_map(|row| normed(&x[*row as usize * width..][..width], &norm, eps)).collect();
        let logits: Vec<f64> = states
            .chunks_exact(width)
            .flat_map(|x| {
                w.chunks_exact(width).map(move |w| x.iter().zip(w).map(|(x, w)| x * f64::from(*w)).sum())
            })
            .collect();

        let driver = kernels.driver();
        let (x, norm) = (Buffer::from_slice(driver, &x)?, Buffer::from_slice(driver, &norm)?);
        let w = Buffer::from_slice(driver, &w)?;
        let (picked, kept_there) = (Buffer::from_slice(driver, &picked)?, Buffer::from_slice(driver, &kept)?);
        let hidden = Buffer::<f32>::new(driver, rows * width)?;
        let store = Buffer::<f32>::zeros(driver, rows * capacity * width)?;
        let page = |row: usize| PageOffset { cache: 0, states: (row * capacity * width * 4) as u64 };
        let table = Buffer::from_slice(driver, &(0..rows).map(page).collect::<Vec<_>>())?;
        let found_logits = Buffer::<f32>::new(driver, rows * outputs)?;
        let heads = Heads {
            x: x.address(),
            picked: picked.address(),
            norm: norm.address(),
            w: w.address(),
            hidden: hidden.address(),
            kept: kept_there.address(),
            base: store.address(),
            table: table.address(),
            logits: found_logits.address(),
            rows: rows as u32,
            group: 0,
            width: width as u32,
            outputs: outputs as u32,
            slot_pages: 1,
            capacity: capacity as u32,
            eps,
        };
        kernels.heads(heads)?;
        let hidden = hidden.to_vec(rows * width)?;
        let logits_found = found_logits.to_vec(rows * outputs)?;
        found = larger(found, worst(Dtype::F32, &states, &hidden));
        found = larger(found, worst(Dtype::F32, &logits, &logits_found));
        let mut expected = vec![0f32; store.len()];
        for (kept, hidden) in kept.iter().zip(hidden.chunks_exact(width)).filter(|(kept, _)| kept.index < 4) {
            let at = (kept.slot as usize * capacity + kept.index as usize) * width;
            expected[at..][..width].copy_from_slice(hidden);
        }
        let last = heads.rows - 1;
        kernels.heads(Heads { picked: picked.at(last as usize), kept: 0, table: 0, rows: 1, ..heads })?;
        let alone = found_logits.to_vec(outputs)?;
        let same = |a: &[f32], b: &[f32]| a.iter().map(|v| v.to_bits()).eq(b.iter().map(|v| v.to_bits()));
        let alike = same(&alone, &logits_found[last as usize * outputs..]);
        if store.to_vec(store.len())? != expected || !alike {
            found = f64::NAN;
        }
    }
    Ok(Finding { kernel: "heads f32".into(), shapes: shapes.len(), worst: found, allowed: ALLOWED })
}
