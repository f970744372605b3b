//! Twins of what is between hidden states and a wave, beside the products.

use std::f64::consts::TAU;

use super::{ALLOWED, Finding, KINDS, Random, download, larger, name, worst};
use crate::backend::cuda::driver::Buffer;
use crate::backend::cuda::kernels::{Dtype, Kernels};
use crate::backend::cuda::products::INPUTS_MULTIPLE;
use crate::backend::cuda::render_kernels::{InverseFourier, LayerNorm, OverlapAdd, Unfold, twiddles};
use crate::backend::cuda::shared::{Bounds, DepthwiseNorm};
use crate::error::Result;

const EPS: f32 = 1e-6;

pub fn check(kernels: &Kernels, random: &mut Random) -> Result<Vec<Finding>> {
    let mut findings = vec![unfold(kernels, random)?, layer_norm(kernels, random)?];
    for kind in KINDS {
        findings.push(depthwise_norm(kernels, random, kind)?);
    }
    findings.extend(waves(kernels, random)?);
    Ok(findings)
}

/// Lengths of some sequences, short ones among them.
fn lengths(random: &mut Random) -> Vec<usize> {
    (0..1 + random.below(4)).map(|_| [1, 2, 3 + random.below(30)][random.below(3)]).collect()
}

/// Returns the frame that `frame` sees at a tap, if its sequence goes so far.
fn tap_at(bounds: &Bounds, frame: usize, tap: usize, taps: usize, dilation: usize) -> Option<usize> {
    let at = (frame + tap * dilation).checked_sub(taps / 2 * dilation)?;
    (bounds.start as usize..bounds.end as usize).contains(&at).then_some(at)
}

fn unfold(kernels: &Kernels, random: &mut Random) -> Result<Finding> {
    let (mut found, shapes) = (0.0, 6);
    for _ in 0..shapes {
        let bounds = Bounds::of(&lengths(random));
        let (channels, taps) = (1 + random.below(150), [1, 3, 7][random.below(3)]);
        let stride = (channels * taps).next_multiple_of(INPUTS_MULTIPLE);
        let x = random.normals(bounds.len() * channels, 1.0);
        let first = random.below(bounds.len());
        let mut expected = vec![0f64; (bounds.len() - first) * stride];
        for (row, frame) in expected.chunks_exact_mut(stride).zip(first..) {
            for tap in 0..taps {
                let Some(at) = tap_at(&bounds[frame], frame, tap, taps, 1) else { continue };
                for (to, from) in row[tap * channels..].iter_mut().zip(&x[at * channels..][..channels]) {
                    *to = f64::from(*from);
                }
            }
        }
        let driver = kernels.driver();
        let (x, of_frame) = (Buffer::from_slice(driver, &x)?, Buffer::from_slice(driver, &bounds)?);
        let y = Buffer::<f32>::new(driver, expected.len())?;
        kernels.unfold(Unfold {
            x: x.address(),
            bounds: of_frame.address(),
            y: y.address(),
            first: first as u32,
            count: (bounds.len() - first) as u32,
            channels: channels as u32,
            taps: taps as u32,
            stride: stride as u32,
        })?;
        found = larger(found, worst(Dtype::F32, &expected, &y.to_vec(expected.len())?));
    }
    Ok(Finding { kernel: "unfold".into(), shapes, worst: found, allowed: 0.0 })
}

/// Computes a row's norm, padded with zeros.
fn normed(row: &[f64], weight: &[f32], bias: &[f32], stride: usize) -> Vec<f64> {
    let width = row.len() as f64;
    let mean = row.iter().sum::<f64>() / width;
    let variance = row.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / width;
    let scale = 1.0 / (variance + f64::from(EPS)).sqrt();
    let parts = row.iter().zip(weight).zip(bias);
    let values = parts.map(|((v, w), b)| (v - mean) * scale * f64::from(*w) + f64::from(*b));
    values.chain(std::iter::repeat(0.0)).take(stride).collect()
}

fn layer_norm(kernels: &Kernels, random: &mut Random) -> Result<Finding> {
    let (mut found, shapes) = (0.0, 6);
    for shape in 0..shapes {
        let (rows, width) = (1 + random.below(5), 2 + random.below(700));
        // Every other one in place.
        let stride = if shape % 2 == 0 { width } else { width.next_multiple_of(INPUTS_MULTIPLE) };
        let x = random.normals(rows * width, 2.0);
        let (weight, bias) = (random.normals(width, 1.0), random.normals(width, 1.0));
        let wide: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
        let expected: Vec<f64> =
            wide.chunks_exact(width).flat_map(|row| normed(row, &weight, &bias, stride)).collect();
        let driver = kernels.driver();
        let x = Buffer::from_slice(driver, &x)?;
        let (weight, bias) = (Buffer::from_slice(driver, &weight)?, Buffer::from_slice(driver, &bias)?);
        let other = Buffer::<f32>::new(driver, rows * stride)?;
        let y = if shape % 2 == 0 { &x } else { &other };
        kernels.layer_norm(LayerNorm {
            x: x.address(),
            weight: weight.address(),
            bias: bias.address(),
            y: y.address(),
            rows: rows as u32,
            width: width as u32,
            stride: stride as u32,
            eps: EPS,
        })?;
        found = larger(found, worst(Dtype::F32, &expected, &y.to_vec(expected.len())?));
    }
    Ok(Finding { kernel: "layer_norm".into(), shapes, worst: found, allowed: ALLOWED })
}

fn depthwise_norm(kernels: &Kernels, random: &mut Random, kind: Dtype) -> Result<Finding> {
    let (mut found, shapes, taps) = (0.0, 6, 7);
    for shape in 0..shapes {
        let bounds = Bounds::of(&lengths(random));
        let width = if shape == 0 { 512 } else { 2 + random.below(300) };
        let stride = width.next_multiple_of(INPUTS_MULTIPLE);
        let dilation = 1 + random.below(2);
        let x = random.normals(bounds.len() * width, 1.0);
        let (weight, bias) = (random.normals(taps * width, 0.5), random.normals(width, 1.0));
        let (norm_weight, norm_bias) = (random.normals(width, 1.0), random.normals(width, 1.0));
        let mut expected = Vec::new();
        for (frame, own) in bounds.iter().enumerate() {
            let mut row: Vec<f64> = bias.iter().map(|v| f64::from(*v)).collect();
            for tap in 0..taps {
                let Some(at) = tap_at(own, frame, tap, taps, dilation) else { continue };
                for (i, to) in row.iter_mut().enumerate() {
                    *to += f64::from(weight[tap * width + i]) * f64::from(x[at * width + i]);
                }
            }
            expected.extend(normed(&row, &norm_weight, &norm_bias, stride));
        }
        let driver = kernels.driver();
        let of_frame = Buffer::from_slice(driver, &bounds)?;
        let parts = [&x, &weight, &bias, &norm_weight, &norm_bias];
        let [x, weight, bias, norm_weight, norm_bias] =
            parts.map(|values| Buffer::from_slice(driver, values));
        let (x, weight, bias) = (x?, weight?, bias?);
        let (norm_weight, norm_bias) = (norm_weight?, norm_bias?);
        let y = Buffer::<u8>::new(driver, expected.len() * kind.size())?;
        let args = DepthwiseNorm {
            x: x.address(),
            bounds: of_frame.address(),
            weight: weight.address(),
            bias: bias.address(),
            norm_weight: norm_weight.address(),
            norm_bias: norm_bias.address(),
            y: y.address(),
            width: width as u32,
            stride: stride as u32,
            taps: taps as u32,
            dilation: dilation as u32,
            eps: EPS,
        };
        kernels.depthwise_norm(kind, bounds.len() as u32, args)?;
        found = larger(found, worst(kind, &expected, &download(&y, kind)?));
    }
    Ok(Finding { kernel: name("depthwise_norm", kind), shapes, worst: found, allowed: ALLOWED })
}

/// Computes a row's signal, by the definition of the transform.
fn signal(row: &[f32], window: &[f32]) -> Vec<f64> {
    let size = window.len();
    let bins = size / 2 + 1;
    let parts: Vec<(f64, f64)> = (0..bins)
        .map(|k| {
            let (magnitude, phase) = (f64::from(row[k]).exp().min(100.0), f64::from(row[bins + k]));
            // All bins but the first and the last stand for two.
            let twice = if k == 0 || k == size / 2 { 1.0 } else { 2.0 };
            (twice * magnitude * phase.cos(), twice * magnitude * phase.sin())
        })
        .collect();
    let turns: Vec<(f64, f64)> = (0..size).map(|i| (TAU * i as f64 / size as f64).sin_cos()).collect();
    let sample = |n: usize| {
        let terms = parts.iter().enumerate().map(|(k, (re, im))| {
            let (sine, cosine) = turns[k * n % size];
            // Sines vanish at the ends, to the rounding of a turn.
            let end = k == 0 || k == size / 2;
            re * cosine - if end { 0.0 } else { im * sine }
        });
        terms.sum::<f64>() * f64::from(window[n]) / size as f64
    };
    (0..size).map(sample).collect()
}

fn waves(kernels: &Kernels, random: &mut Random) -> Result<[Finding; 2]> {
    let (mut transformed, mut added) = (0.0, 0.0);
    let sizes = [512, 1024, 2048, 4096];
    for size in sizes {
        let hop = [128, 256, 200][random.below(3)].min(size / 4);
        let lengths = [1, 2 + random.below(6), 2];
        let bounds = Bounds::of(&lengths);
        let frames = bounds.len();
        let window: Vec<f32> =
            (0..size).map(|i| (0.5 - 0.5 * (TAU * i as f64 / size as f64).cos()) as f32).collect();
        // Some magnitudes are clipped.
        let spectrum: Vec<f32> = (0..frames)
            .flat_map(|_| {
                let mut row = random.normals(size / 2 + 1, 2.5);
                row.extend(random.normals(size / 2 + 1, 6.0));
                row
            })
            .collect();
        let driver = kernels.driver();
        let of_frame = Buffer::from_slice(driver, &bounds)?;
        let (table, weights) =
            (Buffer::from_slice(driver, &twiddles(size))?, Buffer::from_slice(driver, &window)?);
        let rows = Buffer::from_slice(driver, &spectrum)?;
        let pieces = Buffer::<f32>::new(driver, frames * size)?;
        let wave = Buffer::from_slice(driver, &vec![0f32; frames * hop])?;
        kernels.inverse_fourier(InverseFourier {
            spectrum: rows.address(),
            twiddles: table.address(),
            window: weights.address(),
            pieces: pieces.address(),
            frames: frames as u32,
            size: size as u32,
        })?;
        let found = pieces.to_vec(frames * size)?;
        let expected: Vec<f64> =
            spectrum.chunks_exact(size + 2).flat_map(|row| signal(row, &window)).collect();
        transformed = larger(transformed, worst(Dtype::F32, &expected, &found));

        kernels.overlap_add(OverlapAdd {
            pieces: pieces.address(),
            window: weights.address(),
            bounds: of_frame.address(),
            wave: wave.address(),
            frames: frames as u32,
            size: size as u32,
            hop: hop as u32,
        })?;
        let expected = added_up(&found, &lengths, &window, hop);
        added = larger(added, worst(Dtype::F32, &expected, &wave.to_vec(frames * hop)?));
    }
    let shapes = sizes.len();
    Ok([
        Finding { kernel: "inverse_fourier".into(), shapes, worst: transformed, allowed: ALLOWED },
        Finding { kernel: "overlap_add".into(), shapes, worst: added, allowed: ALLOWED },
    ])
}

/// Adds up pieces to waves, with one hop of zeros after each.
fn added_up(pieces: &[f32], lengths: &[usize], window: &[f32], hop: usize) -> Vec<f64> {
    let size = window.len();
    let (mut all, mut rest) = (Vec::new(), pieces);
    for frames in lengths {
        let (own, others) = rest.split_at(frames * size);
        rest = others;
        let mut sums = vec![(0f64, 0f64); size + hop * (frames - 1)];
        for (frame, piece) in own.chunks_exact(size).enumerate() {
            for ((to, sample), weight) in sums[frame * hop..].iter_mut().zip(piece).zip(window) {
                to.0 += f64::from(*sample);
                to.1 += f64::from(*weight) * f64::from(*weight);
            }
        }
        let kept = &sums[size / 2..][..hop * (frames - 1)];
        all.extend(kept.iter().map(|(sum, squares)| sum / squares));
        all.extend(std::iter::repeat_n(0.0, hop));
    }
    all
}
