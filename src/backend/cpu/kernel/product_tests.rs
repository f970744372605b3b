use super::super::testing::numbers;
use super::*;

const SHAPES: [(usize, usize, usize); 10] = [
    (1, 1, 1),
    (1, 768, 64),
    (2, 64, 160),
    (3, 17, 5),
    (5, 100, 130),
    (7, 15, 4),
    (16, 768, 65),
    (63, 33, 7),
    (300, 512, 9),
    (11, 3072, 50),
];

fn matrix(outputs: usize, inputs: usize, kind: WeightType, salt: u64) -> Matrix {
    Matrix::pack(&numbers(outputs * inputs, salt), Shape { outputs, inputs, kind }).unwrap()
}

fn run(kernel: Kernel, threads: usize, x: &[f32], matrix: &Matrix, epilogue: Epilogue) -> Vec<f32> {
    let Shape { inputs, outputs, .. } = matrix.shape();
    let mut y = numbers(x.len() / inputs * outputs, 77);
    product_by(kernel, &Team::new(threads), x, matrix, epilogue, (&mut y, outputs));
    y
}

#[test]
fn it_is_the_product() {
    for (rows, inputs, outputs) in SHAPES {
        for kind in [WeightType::F32, WeightType::Q8] {
            let x = numbers(rows * inputs, 1);
            let matrix = matrix(outputs, inputs, kind, 2);
            let weight = matrix.unpack();
            let found = run(kernel(), 2, &x, &matrix, Epilogue::Store);
            // Of bytes the inputs are rounded, by at most half of a 127th each.
            let tolerance = match kind {
                WeightType::F32 => 3e-7 * (inputs as f64).sqrt().max(4.0),
                WeightType::Q8 => 5.0 * (inputs as f64).sqrt() / 254.0 / 3.0,
            };
            for row in 0..rows {
                for output in 0..outputs {
                    let pairs = x[row * inputs..][..inputs].iter().zip(&weight[output * inputs..][..inputs]);
                    let exact: f64 = pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                    let found = f64::from(found[row * outputs + output]);
                    assert!(
                        (found - exact).abs() < tolerance,
                        "{kind:?} {rows} {inputs} {outputs}: {found} {exact}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_product_of_bytes_is_exact_in_what_it_is_given() {
    // Inputs that are whole multiples of their block's scale are rounded to themselves.
    let (inputs, outputs) = (96, 40);
    let x: Vec<f32> =
        (0..inputs).map(|i| if i % 32 == 0 { 127.0 } else { (i * 37 % 255) as f32 - 127.0 }).collect();
    let matrix = matrix(outputs, inputs, WeightType::Q8, 3);
    let weight = matrix.unpack();
    for kernel in kernels() {
        let found = run(kernel, 1, &x, &matrix, Epilogue::Store);
        for (found, weight) in found.iter().zip(weight.chunks(inputs)) {
            let exact: f64 = x.iter().zip(weight).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            assert!((f64::from(*found) - exact).abs() < 1e-4 * exact.abs().max(10.0), "{}", kernel.name);
        }
    }
}

#[test]
fn packed_weights_are_the_weights() {
    for (_, inputs, outputs) in SHAPES {
        let weight = numbers(outputs * inputs, 4);
        let exact = Matrix::pack(&weight, Shape { outputs, inputs, kind: WeightType::F32 }).unwrap();
        assert_eq!(exact.unpack(), weight);
        let rough = Matrix::pack(&weight, Shape { outputs, inputs, kind: WeightType::Q8 }).unwrap().unpack();
        for (a, b) in rough.iter().zip(&weight) {
            assert!((a - b).abs() <= 0.5 / 127.0 * 1.01, "{a} {b}");
        }
    }
}

#[test]
fn every_kernel_gives_the_same_bits() {
    for (rows, inputs, outputs) in SHAPES {
        for kind in [WeightType::F32, WeightType::Q8] {
            let x = numbers(rows * inputs, 3);
            let matrix = matrix(outputs, inputs, kind, 4);
            let (bias, scale) = (numbers(outputs, 7), numbers(outputs, 8));
            for epilogue in [
                Epilogue::Store,
                Epilogue::Add,
                Epilogue::Bias(&bias),
                Epilogue::BiasGelu(&bias),
                Epilogue::AddScaled { bias: &bias, scale: &scale },
            ] {
                let [plain, others @ ..] = &kernels()[..] else { panic!("no kernel") };
                let expected = run(*plain, 1, &x, &matrix, epilogue);
                for kernel in others {
                    assert!(
                        run(*kernel, 1, &x, &matrix, epilogue) == expected,
                        "{} {kind:?} {rows} {inputs} {outputs}",
                        kernel.name
                    );
                }
            }
        }
    }
}

#[test]
fn a_row_has_the_same_bits_in_any_company() {
    for kind in [WeightType::F32, WeightType::Q8] {
        let (inputs, outputs) = (770, 130);
        let x = numbers(40 * inputs, 5);
        let matrix = matrix(outputs, inputs, kind, 6);
        let bias = numbers(outputs, 9);
        let of = |x: &[f32], threads| run(kernel(), threads, x, &matrix, Epilogue::BiasGelu(&bias));
        let together = of(&x, 1);
        for size in [1, 2, 3, 7, 16] {
            for (rows, expected) in x.chunks(size * inputs).zip(together.chunks(size * outputs)) {
                assert_eq!(of(rows, 1), expected);
            }
        }
        for threads in [2, 5] {
            assert_eq!(of(&x, threads), together, "{threads} threads");
        }
    }
}

#[test]
fn what_is_no_number_shows() {
    for kind in [WeightType::F32, WeightType::Q8] {
        let matrix = matrix(20, 100, kind, 6);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for kernel in kernels() {
                let mut x = numbers(200, 1);
                x[137] = bad;
                let y = run(kernel, 1, &x, &matrix, Epilogue::Store);
                assert!(y[..20].iter().all(|v| v.is_finite()), "{}", kernel.name);
                assert!(y[20..].iter().all(|v| !v.is_finite()), "{} {bad}", kernel.name);
            }
        }
    }
}
