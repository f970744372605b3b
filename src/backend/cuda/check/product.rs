//! Twins of the products.

use super::llama::normed;
use super::{ALLOWED, Finding, KINDS, Random, download, larger, name, rounded, upload, worst};
use crate::backend::cpu::kernel::{BLOCK, quantize_block};
use crate::backend::cuda::driver::Buffer;
use crate::backend::cuda::kernels::{Dtype, Kernels};
use crate::backend::cuda::matrix::Matrix;
use crate::backend::cuda::products::{INPUTS_MULTIPLE, OUTPUTS_MULTIPLE, Scratch};
use crate::backend::cuda::shared::{Epilogue, ProductArgument};
use crate::error::Result;

// Those that write one y; what goes to the cache is checked with the attention.
const EPILOGUES: [Epilogue; 5] =
    [Epilogue::Store, Epilogue::Gelu, Epilogue::Add, Epilogue::AddScaled, Epilogue::SiluGate];

struct Case {
    rows: usize,
    inputs: usize,
    outputs: usize,
    epilogue: Epilogue,
    x: Vec<f32>,
    w: Vec<f32>,
    bias: Vec<f32>,
    scale: Vec<f32>,
    /// The values of y before.
    y: Vec<f32>,
}

impl Case {
    fn random(random: &mut Random, kind: Dtype, epilogue: Epilogue) -> Self {
        let rows = [1, 3, 16, 17, 33, 64, 70][random.below(7)];
        // One to several groups of segments.
        let inputs = INPUTS_MULTIPLE * [1, 5, 6, 7, 12, 24, 27, 48, 55][random.below(9)];
        let outputs = 2 * (1 + random.below(75));
        let padded = outputs.next_multiple_of(OUTPUTS_MULTIPLE);
        Case {
            x: rounded(kind, &random.normals(rows * inputs, 1.0)),
            w: rounded(kind, &random.normals(padded * inputs, 0.1)),
            bias: random.normals(outputs, 1.0),
            scale: random.normals(outputs, 1.0),
            y: random.normals(rows * outputs, 1.0),
            rows,
            inputs,
            outputs,
            epilogue,
        }
    }

    fn width(&self) -> usize {
        if self.epilogue == Epilogue::SiluGate { self.outputs / 2 } else { self.outputs }
    }

    fn out(&self, kind: Dtype) -> Dtype {
        if matches!(self.epilogue, Epilogue::Gelu | Epilogue::SiluGate) { kind } else { Dtype::F32 }
    }

    fn twin(&self) -> Vec<f64> {
        let mut y = Vec::with_capacity(self.rows * self.width());
        for row in 0..self.rows {
            let x = &self.x[row * self.inputs..][..self.inputs];
            let sums: Vec<f64> = (0..self.outputs)
                .map(|output| {
                    let w = &self.w[output * self.inputs..][..self.inputs];
                    x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum()
                })
                .collect();
            if self.epilogue == Epilogue::SiluGate {
                y.extend(sums.as_chunks::<2>().0.iter().map(|[gate, up]| gate / (1.0 + (-gate).exp()) * up));
                continue;
            }
            for (output, sum) in sums.into_iter().enumerate() {
                let (bias, scale) = (f64::from(self.bias[output]), f64::from(self.scale[output]));
                let before = f64::from(self.y[row * self.outputs + output]);
                y.push(match self.epilogue {
                    Epilogue::Store => (sum + bias) * scale,
                    Epilogue::Gelu => gelu(sum + bias),
                    Epilogue::Add => before + sum,
                    Epilogue::AddScaled | Epilogue::SiluGate | Epilogue::RotateStore => {
                        before + scale * (sum + bias)
                    }
                });
            }
        }
        y
    }

    /// Runs the product on the card; blocks share tiles if there is a scratch.
    fn run(&self, kernels: &Kernels, kind: Dtype, scratch: Option<&Scratch>) -> Result<Vec<f32>> {
        let (x, w) = (upload(kernels, kind, &self.x)?, upload(kernels, kind, &self.w)?);
        let single = |values: &[f32]| upload(kernels, Dtype::F32, values);
        let (bias, scale) = (single(&self.bias)?, single(&self.scale)?);
        let out = self.out(kind);
        let y = match self.epilogue {
            Epilogue::Add | Epilogue::AddScaled => single(&self.y)?,
            _ => Buffer::new(kernels.driver(), self.rows * self.width() * out.size())?,
        };
        let plain = matches!(self.epilogue, Epilogue::Add | Epilogue::SiluGate);
        kernels.product(
            kind,
            ProductArgument {
                x: x.address(),
                w: w.address(),
                bias: if plain { 0 } else { bias.address() },
                scale: if plain || self.epilogue == Epilogue::Gelu { 0 } else { scale.address() },
                y: y.address(),
                rows: self.rows as u32,
                inputs: self.inputs as u32,
                outputs: self.outputs as u32,
                x_stride: self.inputs as u32,
                y_stride: self.width() as u32,
                epilogue: self.epilogue as u32,
                ..ProductArgument::default()
            },
            scratch,
        )?;
        download(&y, out)
    }
}

pub fn check(kernels: &Kernels, random: &mut Random) -> Result<Vec<Finding>> {
    let scratch = Scratch::new(kernels.driver(), 128 * 3072)?;
    let mut findings = vec![of_eight_bits(kernels, random, &scratch)?];
    for kind in KINDS {
        let mut found = 0.0f64;
        let mut shapes = 0;
        for epilogue in EPILOGUES.into_iter().cycle().take(10) {
            let case = Case::random(random, kind, epilogue);
            let scratch = Some(&scratch).filter(|_| shapes % 2 == 0);
            found = larger(found, worst(case.out(kind), &case.twin(), &case.run(kernels, kind, scratch)?));
            shapes += 1;
        }
        findings.push(Finding { kernel: name("product", kind), shapes, worst: found, allowed: ALLOWED });
        findings.push(of_norm(kernels, random, kind, &scratch)?);
        findings.push(alike(kernels, random, kind, &scratch)?);
    }
    Ok(findings)
}

/// Checks weights of 8 bits, by few rows, by many and of a norm: they must count, to the bit, as the numbers
/// that they stand for.
fn of_eight_bits(kernels: &Kernels, random: &mut Random, scratch: &Scratch) -> Result<Finding> {
    let kind = Dtype::F16;
    let (mut found, mut differ, mut shapes) = (0.0f64, 0, 0);
    for (outputs, inputs) in [(70, 320), (24, 3072), (128, 768)] {
        let exact = random.normals(outputs * inputs, 0.1);
        let stood_for: Vec<f32> = exact
            .chunks_exact(BLOCK)
            .flat_map(|values| {
                let (numbers, scale) = quantize_block(values);
                numbers.map(|number| f32::from(number) * scale.to_f32())
            })
            .collect();
        let off = stood_for.iter().zip(&exact).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
        // Half a unit of the largest's 127, which is below 0.5 here.
        differ += usize::from(off > 0.5 / 127.0);
        let stood_for = rounded(kind, &stood_for);
        let eight = Matrix::upload_quantized(kernels, &exact, outputs, inputs)?;
        let whole = Matrix::upload(kernels, kind, &stood_for, outputs, inputs)?;
        let (x, norm) = (random.normals(70 * inputs, 1.0), random.normals(inputs, 1.0));
        let driver = kernels.driver();
        let (halves, singles) = (upload(kernels, kind, &x)?, Buffer::from_slice(driver, &x)?);
        let (norm, normed) = (Buffer::from_slice(driver, &norm)?, Buffer::<u8>::new(driver, 140 * inputs)?);
        let x = rounded(kind, &x);
        for rows in [1, 16, 70] {
            let run = |matrix: &Matrix, of_norm: bool| {
                let y = Buffer::<f32>::new(driver, rows * outputs)?;
                let from = if of_norm { singles.address() } else { halves.address() };
                let product = matrix.product(from, y.address(), rows, Epilogue::Store);
                if of_norm {
                    let (norm, width) = (norm.address(), inputs as u32);
                    let product = ProductArgument { norm, eps: 1e-6, width, ..product };
                    kernels.normed_product(kind, product, normed.address(), Some(scratch))?;
                } else {
                    kernels.product(kind, product, Some(scratch))?;
                }
                y.to_vec(rows * outputs)
            };
            for of_norm in [false, true] {
                let (is, should) = (run(&eight, of_norm)?, run(&whole, of_norm)?);
                differ += is.iter().zip(&should).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
            }
            let twin: Vec<f64> = x[..rows * inputs]
                .chunks_exact(inputs)
                .flat_map(|x| {
                    let dot = |w: &[f32]| x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum();
                    stood_for.chunks_exact(inputs).map(dot).collect::<Vec<f64>>()
                })
                .collect();
            found = larger(found, worst(Dtype::F32, &twin, &run(&eight, false)?));
            shapes += 1;
        }
    }
    let worst = if differ == 0 { found } else { f64::NAN };
    Ok(Finding { kernel: "product of weights of 8 bits".into(), shapes, worst, allowed: ALLOWED })
}

/// Checks a product of what is normed first: it must be, to the bit, the norm and the product after each
/// other, whichever kernel norms.
fn of_norm(kernels: &Kernels, random: &mut Random, kind: Dtype, scratch: &Scratch) -> Result<Finding> {
    let (mut found, mut differ, shapes) = (0.0f64, 0, [(1, 32), (3, 224), (8, 768), (9, 768), (70, 96)]);
    for (rows, width) in shapes {
        let (eps, outputs) = (1e-6f32, 40);
        let x = random.normals(rows * width, 3.0);
        let norm = random.normals(width, 1.0);
        let w = rounded(kind, &random.normals(OUTPUTS_MULTIPLE * width, 0.1));
        let driver = kernels.driver();
        let there = (Buffer::from_slice(driver, &x)?, Buffer::from_slice(driver, &norm)?);
        let weights = upload(kernels, kind, &w)?;
        let normed_there = Buffer::<u8>::new(driver, rows * width * kind.size())?;
        let product = ProductArgument {
            x: there.0.address(),
            w: weights.address(),
            rows: rows as u32,
            inputs: width as u32,
            outputs: outputs as u32,
            x_stride: width as u32,
            y_stride: outputs as u32,
            epilogue: Epilogue::Store as u32,
            norm: there.1.address(),
            eps,
            width: width as u32,
            ..ProductArgument::default()
        };
        let run = |rows: usize, first: usize| {
            let y = Buffer::<f32>::new(driver, rows * outputs)?;
            let x = there.0.at(first * width);
            let product = ProductArgument { x, y: y.address(), rows: rows as u32, ..product };
            kernels.normed_product(kind, product, normed_there.address(), Some(scratch))?;
            y.to_vec(rows * outputs)
        };
        let all = run(rows, 0)?;
        let twin: Vec<f64> = x
            .chunks_exact(width)
            .flat_map(|x| {
                let normed: Vec<f32> = normed(x, &norm, eps).into_iter().map(|v| v as f32).collect();
                let x = rounded(kind, &normed);
                let dot =
                    |w: &[f32]| x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum::<f64>();
                w.chunks_exact(width).take(outputs).map(dot).collect::<Vec<_>>()
            })
            .collect();
        found = larger(found, worst(Dtype::F32, &twin, &all));
        for row in [0, rows - 1] {
            let alone = run(1, row)?;
            differ +=
                alone.iter().zip(&all[row * outputs..]).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
        }
    }
    // A value that is normed beside the middle of two is rounded to the other one now and then.
    let allowed = match kind {
        Dtype::F32 => ALLOWED,
        Dtype::F16 => 1e-3,
        Dtype::Bf16 => 8e-3,
    };
    let worst = if differ == 0 { found } else { f64::NAN };
    Ok(Finding { kernel: name("product of a norm", kind), shapes: shapes.len(), worst, allowed })
}

/// Checks that a row has, to the bit, what it has alone, wherever it lies among others, whichever kernel
/// takes them and however many blocks share it.
fn alike(kernels: &Kernels, random: &mut Random, kind: Dtype, scratch: &Scratch) -> Result<Finding> {
    const MANY: usize = 140;
    const FEW: usize = 3;
    let (mut differ, mut shapes) = (0, 0);
    for epilogue in EPILOGUES {
        let mut alone = Case::random(random, kind, epilogue);
        alone.rows = FEW;
        alone.x = rounded(kind, &random.normals(FEW * alone.inputs, 1.0));
        alone.y = random.normals(FEW * alone.outputs, 1.0);
        let expected = alone.run(kernels, kind, None)?;
        let mut among = Case {
            rows: MANY,
            x: rounded(kind, &random.normals(MANY * alone.inputs, 1.0)),
            y: random.normals(MANY * alone.outputs, 1.0),
            w: alone.w.clone(),
            bias: alone.bias.clone(),
            scale: alone.scale.clone(),
            ..alone
        };
        let places = [0, 37, 61, 130];
        for place in places {
            among.x[place * alone.inputs..][..alone.x.len()].copy_from_slice(&alone.x);
            among.y[place * alone.outputs..][..alone.y.len()].copy_from_slice(&alone.y);
        }
        for scratch in [None, Some(scratch), Some(scratch)] {
            let found = among.run(kernels, kind, scratch)?;
            for place in places {
                let found = &found[place * alone.width()..][..expected.len()];
                differ += expected.iter().zip(found).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
            }
            shapes += places.len();
        }
    }
    Ok(Finding {
        kernel: name("product, a row alone = among others", kind),
        shapes,
        worst: differ as f64,
        allowed: 0.0,
    })
}

/// Computes the exact GELU, by the error function's series.
fn gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + erf(x / std::f64::consts::SQRT_2))
}

fn erf(x: f64) -> f64 {
    // The Maclaurin series, in which nothing cancels once e^(-x²) is taken out.
    if x.abs() > 5.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= 2.0 * x * x / f64::from(2 * n + 1);
        sum += term;
    }
    sum * (-x * x).exp() * 2.0 / std::f64::consts::PI.sqrt()
}
