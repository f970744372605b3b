//! PyTorch's CPU random numbers: MT19937 and the exponential noise drawn from it.
//!
//! Same seed, same speech, token for token: a text spoken here can be compared with the reference, and a
//! run can be repeated. (PyTorch with MKL on an Intel CPU draws another stream; this is the one of AMD and
//! ARM machines.)

/// State words of the generator.
const N: usize = 624;
/// Offset of the word that is mixed in.
const M: usize = 397;

/// Generates the numbers of the Mersenne Twister of Matsumoto and Nishimura (1998), seeded as `init_genrand`
/// does.
#[derive(Clone)]
pub struct Mt19937 {
    state: [u32; N],
    next: usize,
}

impl Mt19937 {
    /// Makes a generator as `torch.manual_seed(seed)` leaves it: of a longer seed the low 32 bits count.
    pub fn new(seed: u64) -> Self {
        let mut state = [0u32; N];
        state[0] = seed as u32;
        for i in 1..N {
            let last = state[i - 1];
            state[i] = 1_812_433_253u32.wrapping_mul(last ^ (last >> 30)).wrapping_add(i as u32);
        }
        Mt19937 { state, next: N }
    }

    fn refill(&mut self) {
        let mix = |word: u32, next: u32, far: u32| {
            let y = (word & 0x8000_0000) | (next & 0x7fff_ffff);
            far ^ (y >> 1) ^ if y & 1 != 0 { 0x9908_b0df } else { 0 }
        };
        let state = &mut self.state;
        // In parts, so that no index wraps around within one.
        for i in 0..N - M {
            state[i] = mix(state[i], state[i + 1], state[i + M]);
        }
        for i in N - M..N - 1 {
            state[i] = mix(state[i], state[i + 1], state[i + M - N]);
        }
        state[N - 1] = mix(state[N - 1], state[0], state[M - 1]);
        self.next = 0;
    }

    /// Returns the next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.next == N {
            self.refill();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// Returns the next 64 bits: the first output is the high half.
    pub fn next_u64(&mut self) -> u64 {
        let high = self.next_u32() as u64;
        (high << 32) | self.next_u32() as u64
    }

    /// Returns one draw of exponential noise with rate 1, as torch's `exponential_` makes it for f32.
    pub fn exponential(&mut self) -> Exponential {
        Exponential::Bits(self.next_u64() % Exponential::RANGE)
    }
}

/// Holds a draw of exponential noise. Of hundreds or thousands few are looked at, so the logarithm can wait
/// until one is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Exponential {
    /// The random bits that it is made from.
    Bits(u64),
    /// Its value.
    Value(f32),
}

impl Exponential {
    const RANGE: u64 = 1 << f64::MANTISSA_DIGITS;
}

impl From<Exponential> for f32 {
    fn from(noise: Exponential) -> f32 {
        match noise {
            Exponential::Bits(bits) => {
                let uniform = bits as f64 / Exponential::RANGE as f64;
                -(-uniform).ln_1p() as f32
            }
            Exponential::Value(value) => value,
        }
    }
}

impl std::fmt::Debug for Mt19937 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mt19937").field("next", &self.next).finish_non_exhaustive()
    }
}

/// Says how the noise of one step relates to that of the step before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum NoiseMode {
    /// Seeded anew at every step (the Python package's manual_seed)
    ///
    /// Every step sees the same noise.
    #[default]
    Repeat,
    /// Seeded once (torch.manual_seed before the call)
    Stream,
}

/// Makes the exponential noise of one utterance.
#[derive(Clone, Debug)]
pub struct ExponentialNoise {
    mode: NoiseMode,
    seed: u64,
    rng: Mt19937,
    row: Vec<Exponential>,
}

impl ExponentialNoise {
    /// Starts noise from a 64-bit seed, of which the generator takes the low 32 bits.
    pub fn new(seed: u64, mode: NoiseMode) -> Self {
        ExponentialNoise { mode, seed, rng: Mt19937::new(seed), row: Vec::new() }
    }

    /// Returns the noise of the next step, one number per logit.
    pub fn step(&mut self, logits: usize) -> &[Exponential] {
        match self.mode {
            NoiseMode::Stream => {
                let rng = &mut self.rng;
                self.row.clear();
                self.row.extend((0..logits).map(|_| rng.exponential()));
            }
            // The same numbers every step: compute them once.
            NoiseMode::Repeat if self.row.len() != logits => {
                let mut rng = Mt19937::new(self.seed);
                self.row.clear();
                self.row.extend((0..logits).map(|_| Exponential::Value(rng.exponential().into())));
            }
            NoiseMode::Repeat => {}
        }
        &self.row
    }

    /// Returns the seed that was given.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns how steps relate.
    pub fn mode(&self) -> NoiseMode {
        self.mode
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_outputs_are_those_of_the_published_generator() {
        // Matsumoto and Nishimura's own test value: the 10000th output for seed 5489 is 4123659995.
        let mut rng = Mt19937::new(5489);
        assert_eq!(rng.next_u32(), 3499211612);
        let tenth_thousand = (0..9999).map(|_| rng.next_u32()).last();
        assert_eq!(tenth_thousand, Some(4123659995));
    }

    #[test]
    fn a_long_seed_counts_by_its_low_32_bits() {
        let (mut a, mut b) = (Mt19937::new(7), Mt19937::new((3 << 32) | 7));
        assert_eq!(a.next_u64(), b.next_u64());
    }

    #[test]
    fn repeated_noise_is_the_same_each_step_and_streamed_noise_runs_on() {
        let mut repeat = ExponentialNoise::new(42, NoiseMode::Repeat);
        let values = |noise: &[Exponential]| -> Vec<f32> { noise.iter().map(|e| (*e).into()).collect() };
        let first = values(repeat.step(100));
        assert_eq!(values(repeat.step(100)), first);
        let mut stream = ExponentialNoise::new(42, NoiseMode::Stream);
        assert_eq!(values(stream.step(100)), first);
        let mut whole = ExponentialNoise::new(42, NoiseMode::Stream);
        assert_eq!(whole.step(200)[100..], *stream.step(100));
        assert!(first.iter().all(|e| *e > 0.0 && e.is_finite()));
    }

    #[test]
    fn noise_of_another_width_is_drawn_anew_from_the_seed() {
        let mut noise = ExponentialNoise::new(1, NoiseMode::Repeat);
        let wide = noise.step(50).to_vec();
        assert_eq!(noise.step(20), &wide[..20]);
    }
}
