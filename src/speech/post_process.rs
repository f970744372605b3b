//! Post-processes the waves of a line's pieces into the sound that was asked for.

use crate::audio::subtitles::Cue;
use crate::audio::{Stretcher, WaveResampler, is_silent, normalize_loudness, trim_quiet};
use crate::backend::SAMPLE_RATE;
use crate::error::Result;

use super::Piece;

/// The least time that a sentence is estimated to take, in seconds.
const LEAST_SECONDS: f64 = 0.01;

/// The settings of a line's post-processing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PostProcess {
    /// Whether the quiet ends of each piece are cut; digital silence always is.
    pub trim: bool,
    /// The loudness it is brought to, in LUFS.
    pub loudness: Option<f64>,
    /// How fast it is spoken: 2 takes half the time. Pauses are stretched as all else.
    pub speed: f32,
    /// Samples per second.
    pub sample_rate: u32,
}

impl Default for PostProcess {
    fn default() -> Self {
        PostProcess { trim: false, loudness: None, speed: 1.0, sample_rate: SAMPLE_RATE }
    }
}

impl PostProcess {
    /// Tells whether a piece's samples can be given out before the piece is whole.
    pub fn can_stream(&self) -> bool {
        !self.trim && self.loudness.is_none()
    }
}

/// Trims, joins, stretches, resamples and levels the pieces of one line as their samples come. However the samples are
/// cut, the result is the same.
pub struct PostProcessor {
    settings: PostProcess,
    stretcher: Stretcher,
    resampler: WaveResampler,
    /// Samples of the current piece that are held back: all of it where it is trimmed, else silent samples that
    /// are given out only if sound follows.
    held: Vec<f32>,
    has_sound: bool,
    /// Number of samples joined so far, at the model's rate and speed; `piece_start` is their number where the
    /// current piece begins.
    joined: usize,
    piece_start: usize,
    /// All samples, at the rate that is asked for, where loudness is wanted; else empty.
    whole: Vec<f32>,
}

impl PostProcessor {
    /// Begins the post-processing of a line.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) for a sample rate or a speed that is out of range.
    pub fn new(settings: PostProcess) -> Result<Self> {
        Ok(PostProcessor {
            settings,
            stretcher: Stretcher::new(settings.speed)?,
            resampler: WaveResampler::new(SAMPLE_RATE, settings.sample_rate)?,
            held: Vec::new(),
            has_sound: false,
            joined: 0,
            piece_start: 0,
            whole: Vec::new(),
        })
    }

    /// Takes samples of the current piece (24 kHz) and returns those that are ready.
    ///
    /// # Errors
    /// [`Error::Audio`](crate::Error::Audio) if the resampler fails.
    pub fn push(&mut self, samples: &[f32]) -> Result<Vec<f32>> {
        if self.settings.trim {
            self.held.extend_from_slice(samples);
            return Ok(Vec::new());
        }
        let mut ready = Vec::with_capacity(samples.len());
        for sample in samples {
            if !is_silent(*sample) {
                ready.append(&mut self.held);
                ready.push(*sample);
                self.has_sound = true;
            } else if self.has_sound {
                self.held.push(*sample);
            }
        }
        self.join(&ready)
    }

    /// Ends the current piece. Returns the samples that are ready, including the silence after the piece, and
    /// the times of its sentences.
    ///
    /// # Errors
    /// As [`PostProcessor::push`].
    pub fn end_piece(&mut self, piece: &Piece) -> Result<(Vec<f32>, Vec<Cue>)> {
        let held = std::mem::take(&mut self.held);
        let rest = match self.settings.trim {
            true => trim_quiet(&held, SAMPLE_RATE),
            false => &[],
        };
        let mut ready = self.join(rest)?;
        let at = |samples: usize| samples as f64 / f64::from(SAMPLE_RATE) / f64::from(self.settings.speed);
        let cues = cues_of(piece, at(self.piece_start), at(self.joined));
        let silence = vec![0.0; (piece.silence * f64::from(SAMPLE_RATE)) as usize];
        ready.extend(self.join(&silence)?);
        self.piece_start = self.joined;
        self.has_sound = false;
        Ok((ready, cues))
    }

    /// Ends the line and returns the samples that are left.
    ///
    /// # Errors
    /// As [`PostProcessor::push`]; [`Error::Parameter`](crate::Error::Parameter) for a loudness that is out of
    /// range.
    pub fn finish(mut self) -> Result<Vec<f32>> {
        let mut rest = self.resampler.push(&self.stretcher.finish())?;
        rest.extend(self.resampler.finish()?);
        let Some(target) = self.settings.loudness else { return Ok(rest) };
        let mut whole = self.whole;
        whole.extend(rest);
        normalize_loudness(&mut whole, self.settings.sample_rate, target)?;
        Ok(whole)
    }

    fn join(&mut self, samples: &[f32]) -> Result<Vec<f32>> {
        self.joined += samples.len();
        let ready = self.resampler.push(&self.stretcher.push(samples))?;
        if self.settings.loudness.is_some() {
            self.whole.extend(ready);
            return Ok(Vec::new());
        }
        Ok(ready)
    }
}

/// Returns a piece's sentences and their times. The piece's own time is exact; within it each sentence gets its
/// share by the estimate of how long it takes to say.
fn cues_of(piece: &Piece, start: f64, end: f64) -> Vec<Cue> {
    let total: f64 = piece.cues.iter().map(|cue| cue.seconds.max(LEAST_SECONDS)).sum();
    let mut said = 0.0;
    let mut from = start;
    let timed = |cue: &super::CueText| {
        said += cue.seconds.max(LEAST_SECONDS);
        let to = start + (end - start) * said / total;
        Cue { start: std::mem::replace(&mut from, to), end: to, text: cue.text.clone() }
    };
    piece.cues.iter().map(timed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{resample, trim_silence};
    use crate::speech::CueText;

    fn piece(silence: f64) -> Piece {
        Piece { silence, ..Piece::default() }
    }

    /// Makes a wave of sound between silences, with a quiet stretch inside.
    fn wave(samples: usize) -> Vec<f32> {
        let at = |i: usize| match (i, samples - i) {
            (..100, _) | (_, ..200) => 0.0,
            (i, _) if i / 500 % 3 == 1 => 0.0,
            (i, _) => 0.3 * (i as f32 * 0.05).sin(),
        };
        (0..samples).map(at).collect()
    }

    fn processed(settings: PostProcess, pieces: &[(Vec<f32>, f64)], cut: usize) -> Vec<f32> {
        let mut processor = PostProcessor::new(settings).unwrap();
        let mut samples = Vec::new();
        for (wave, silence) in pieces {
            for part in wave.chunks(cut) {
                samples.extend(processor.push(part).unwrap());
            }
            samples.extend(processor.end_piece(&piece(*silence)).unwrap().0);
        }
        samples.extend(processor.finish().unwrap());
        samples
    }

    #[test]
    fn samples_are_those_of_the_joined_whole_however_they_come() {
        let pieces = [(wave(5_000), 0.3), (vec![0.0; 700], 0.1), (wave(9_001), 0.0)];
        for sample_rate in [24_000, 8_000, 44_100] {
            for (trim, loudness, speed) in [
                (false, None, 1.0),
                (true, None, 1.0),
                (false, Some(-16.0), 1.0),
                (true, Some(-20.0), 1.0),
                (false, None, 1.25),
                (true, Some(-20.0), 0.5),
            ] {
                let mut joined: Vec<f32> = Vec::new();
                for (wave, silence) in &pieces {
                    let kept = if trim { trim_quiet(wave, SAMPLE_RATE) } else { trim_silence(wave) };
                    joined.extend_from_slice(kept);
                    joined.extend(vec![0.0; (silence * f64::from(SAMPLE_RATE)) as usize]);
                }
                let mut stretcher = Stretcher::new(speed).unwrap();
                let mut stretched = stretcher.push(&joined);
                stretched.extend(stretcher.finish());
                let mut expected = resample(&stretched, SAMPLE_RATE, sample_rate).unwrap().into_owned();
                if let Some(target) = loudness {
                    normalize_loudness(&mut expected, sample_rate, target).unwrap();
                }
                let settings = PostProcess { trim, loudness, speed, sample_rate };
                for cut in [1, 700, 100_000] {
                    assert!(processed(settings, &pieces, cut) == expected, "{settings:?} by {cut}");
                }
            }
        }
    }

    fn cue(text: &str, seconds: f64) -> CueText {
        CueText { text: text.into(), range: 0..0, seconds }
    }

    #[test]
    fn sentences_and_pauses_go_by_as_fast_as_the_sound() {
        let timed = |speed| {
            let settings = PostProcess { speed, ..PostProcess::default() };
            let mut processor = PostProcessor::new(settings).unwrap();
            let (mut times, mut samples) = (Vec::new(), 0);
            for _ in 0..2 {
                samples += processor.push(&[0.1; 24_000]).unwrap().len();
                let piece = Piece { cues: vec![cue("一", 1.0)], ..piece(0.5) };
                let (ready, cues) = processor.end_piece(&piece).unwrap();
                samples += ready.len();
                times.extend([cues[0].start, cues[0].end]);
            }
            (times, samples + processor.finish().unwrap().len())
        };
        assert_eq!(timed(1.0), (vec![0.0, 1.0, 1.5, 2.5], 72_000));
        assert_eq!(timed(2.0), (vec![0.0, 0.5, 0.75, 1.25], 36_000));
        assert_eq!(timed(0.5), (vec![0.0, 2.0, 3.0, 5.0], 144_000));
    }

    #[test]
    fn sentences_share_the_time_of_their_piece() {
        let piece =
            Piece { cues: vec![cue("一", 1.0), cue("二", 3.0), cue("三", 0.0)], ..Piece::default() };
        let cues = cues_of(&piece, 2.0, 12.0);
        assert_eq!((cues[0].start, cues[2].end), (2.0, 12.0));
        assert!(cues.windows(2).all(|pair| pair[0].end == pair[1].start && pair[0].start < pair[0].end));
        assert!((cues[0].end - 4.5).abs() < 0.1 && cues[2].end > cues[2].start, "{cues:?}");
        assert_eq!(cues.iter().map(|cue| cue.text.as_str()).collect::<String>(), "一二三");
        assert!(cues_of(&self::piece(0.0), 0.0, 1.0).is_empty());
    }
}
