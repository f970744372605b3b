//! One text on its way through the model: what it feeds in next, what it has drawn.

use std::sync::Arc;

use half::f16;

use super::batch::{Drawn, Head, Input, RowOutput, SlotStart};
use super::request::{Codes, FinishReason, Refine, Refined, Request};
use crate::error::{Error, Result};
use crate::sampling::{Draw, ExponentialNoise, FIRST_DRAWS, NoiseMode, Sampler};
use crate::text::{Tokenizer, code_prompt, refine_prompt};
use crate::voice::Speaker;

/// The reference's floor under a vector's length.
const NORM_EPS: f32 = 1e-12;

/// Turns requests into positions: the tokenizer and the model's sizes.
pub struct Vocabulary {
    /// The checkpoint's tokenizer.
    pub tokenizer: Tokenizer,
    /// Codebooks (4).
    pub codebooks: usize,
    /// Codes in a codebook, the end token, which is the last, included (626).
    pub code_tokens: usize,
    /// Text tokens (21178).
    pub text_tokens: usize,
    /// Width of a hidden state and of a speaker vector (768).
    pub hidden: usize,
    /// Positions a sequence may have, prompt and generation together.
    pub max_positions: usize,
    /// Whether the model was trained to rewrite a text before it is spoken.
    pub refines: bool,
}

/// Names the phase that a sequence is in.
enum Phase {
    Refining,
    Speaking,
}

/// Says what a sequence did in a step.
#[derive(Debug)]
pub enum Progress {
    /// The device has not come to it; it is as it was.
    Waiting,
    /// It goes on.
    Running,
    /// Refining is done; speech follows.
    Refined(Refined),
    /// All is done.
    Refinement(Refined),
    /// All is done.
    Spoken(Box<Codes>),
}

/// Names what is wanted of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Speech.
    Speak,
    /// The refined text only.
    Refine,
}

/// Works on one request. Knows no tensor and no slot.
pub struct Sequence {
    request: Request,
    goal: Goal,
    phase: Phase,
    /// The first inputs of the phase.
    prompt: Vec<Input>,
    /// The inputs of the next step, from `position` on.
    pending: Vec<Input>,
    position: usize,
    sampler: Sampler,
    noise: ExponentialNoise,
    input_ids: Vec<Vec<u32>>,
    tokens: Vec<Vec<u32>>,
    hiddens: Vec<f32>,
    refined: Option<Refined>,
    /// The phase has started and nobody was told.
    started: bool,
    /// A phase has been started before.
    goes_on: bool,
}

impl Sequence {
    /// Checks a request and lays out its first prompt.
    pub fn new(request: Request, goal: Goal, vocabulary: &Vocabulary) -> Result<Self> {
        if request.text.trim().is_empty() {
            return Err(Error::EmptyText("the text is empty".into()));
        }
        // Both sets of parameters are checked before any work is done.
        request.sampling.validate(vocabulary.codebooks)?;
        let refine = match (&request.refine, goal) {
            (Some(refine), _) => Some(refine.clone()),
            (None, Goal::Refine) => Some(Refine::default()),
            (None, Goal::Speak) => None,
        };
        if refine.is_some() && !vocabulary.refines {
            let reason =
                "this model was not trained to rewrite a text before it speaks it; leave refining off";
            return Err(Error::parameter("refine", reason));
        }
        let mut sequence = Sequence {
            noise: ExponentialNoise::new(request.seed, request.noise),
            sampler: speech_sampler(&request, vocabulary)?,
            request,
            goal,
            phase: Phase::Speaking,
            prompt: Vec::new(),
            pending: Vec::new(),
            position: 0,
            input_ids: Vec::new(),
            tokens: Vec::new(),
            hiddens: Vec::new(),
            refined: None,
            started: false,
            goes_on: false,
        };
        match refine {
            Some(refine) => sequence.start_refining(&refine, vocabulary)?,
            None => {
                let text = sequence.request.text.clone();
                sequence.start_speaking(&text, vocabulary)?;
            }
        }
        Ok(sequence)
    }

    fn start_refining(&mut self, refine: &Refine, vocabulary: &Vocabulary) -> Result<()> {
        let ids = vocabulary.tokenizer.encode(&refine_prompt(&self.request.text, &refine.tags))?;
        let end = vocabulary.tokenizer.end_of_refining();
        self.sampler = Sampler::new(refine.sampling.clone(), 1, vocabulary.text_tokens, end)?;
        self.phase = Phase::Refining;
        self.begin(
            ids.iter().map(|id| vec![*id]).collect(),
            ids.into_iter().map(Input::Text).collect(),
            vocabulary,
        )
    }

    fn start_speaking(&mut self, text: &str, vocabulary: &Vocabulary) -> Result<()> {
        let voice = &self.request.voice;
        let voice_text = voice.sample.as_ref().map_or("", |sample| sample.text.trim());
        let prompt = code_prompt(text, &self.request.speed, voice_text, voice.speaker.is_some());
        let ids = vocabulary.tokenizer.encode(&prompt)?;
        let speaker =
            voice.speaker.as_ref().map(|speaker| unit_vector(speaker, vocabulary.hidden)).transpose()?;
        let mut input_ids: Vec<Vec<u32>> = ids.iter().map(|id| vec![*id; vocabulary.codebooks]).collect();
        let mut inputs: Vec<Input> = ids
            .into_iter()
            .map(|id| match &speaker {
                Some(vector) if id == vocabulary.tokenizer.speaker_token() => Input::Speaker(vector.clone()),
                _ => Input::Text(id),
            })
            .collect();
        if let Some(sample) = &voice.sample {
            let columns = codes_by_position(sample.codes.codes(), vocabulary)?;
            inputs.extend(columns.iter().cloned().map(Input::Codes));
            input_ids.extend(columns);
        }
        self.sampler = speech_sampler(&self.request, vocabulary)?;
        self.phase = Phase::Speaking;
        self.begin(input_ids, inputs, vocabulary)
    }

    fn begin(&mut self, ids: Vec<Vec<u32>>, inputs: Vec<Input>, vocabulary: &Vocabulary) -> Result<()> {
        // One position at least must be left to generate into.
        if inputs.len() >= vocabulary.max_positions {
            return Err(Error::TextTooLong { tokens: inputs.len(), limit: vocabulary.max_positions - 1 });
        }
        self.input_ids = ids;
        self.prompt.clone_from(&inputs);
        self.pending = inputs;
        self.position = 0;
        self.tokens.clear();
        self.hiddens.clear();
        self.started = true;
        Ok(())
    }

    /// Returns the position of the next inputs, and the inputs.
    pub fn pending(&self) -> (usize, &[Input]) {
        (self.position, &self.pending)
    }

    /// Returns how many positions it has, those that go in next among them.
    pub fn positions(&self) -> usize {
        self.position + self.pending.len()
    }

    /// Returns how its draws begin, once a phase.
    pub fn started(&mut self, slot: u32) -> Option<SlotStart> {
        if !std::mem::take(&mut self.started) {
            return None;
        }
        let goes_on = std::mem::replace(&mut self.goes_on, true);
        Some(SlotStart {
            slot,
            sampling: self.sampler.params().clone(),
            heads: self.sampler.heads(),
            tokens: self.sampler.width() / self.sampler.heads(),
            end: self.sampler.end_token(),
            noise: (!goes_on).then(|| (self.noise.seed(), self.noise.mode())),
        })
    }

    /// Returns the head whose logits it needs of its last position.
    pub fn head(&self) -> Head {
        match self.phase {
            Phase::Refining => Head::Text,
            Phase::Speaking => Head::Codes,
        }
    }

    /// Returns how many tokens were drawn in the present phase.
    pub fn generated(&self) -> usize {
        self.tokens.len()
    }

    /// Returns the codes drawn so far and their hidden states; none while refining.
    pub fn codes(&self) -> Option<(&[Vec<u32>], &[f32])> {
        match self.phase {
            Phase::Refining => None,
            Phase::Speaking => Some((&self.tokens, &self.hiddens)),
        }
    }

    /// Returns the same as [`Sequence::codes`], for a caller that has more of the states.
    pub fn codes_mut(&mut self) -> Option<(&[Vec<u32>], &mut Vec<f32>)> {
        match self.phase {
            Phase::Refining => None,
            Phase::Speaking => Some((&self.tokens, &mut self.hiddens)),
        }
    }

    /// Draws from the logits of its last position, unless the device has, and lays out what goes in next.
    pub fn advance(&mut self, output: &mut RowOutput, vocabulary: &Vocabulary) -> Result<Progress> {
        let drawn = match output.drawn.take() {
            Some(Drawn::Later) => return Ok(Progress::Waiting),
            Some(Drawn::PutBack) => {
                self.put_back(&output.hidden, vocabulary.hidden);
                return Ok(Progress::Waiting);
            }
            Some(Drawn::Draw(draw)) => {
                self.sampler.take(&draw);
                draw
            }
            Some(Drawn::NotANumber) => return Err(Error::NotANumber),
            None => self.draw(&mut output.logits)?,
        };
        self.position += self.pending.len();
        self.pending.clear();
        let finish = match drawn {
            Draw::End => Some(FinishReason::End),
            Draw::Tokens(tokens) => {
                if matches!(self.phase, Phase::Speaking) {
                    self.hiddens.extend_from_slice(&output.hidden);
                }
                self.pending.push(self.input_of(&tokens));
                self.tokens.push(tokens);
                if self.sampler.is_full() {
                    Some(FinishReason::MaxTokens)
                } else if self.position >= vocabulary.max_positions {
                    Some(FinishReason::ContextFull)
                } else {
                    None
                }
            }
        };
        match (finish, &self.phase) {
            (None, _) => Ok(Progress::Running),
            (Some(finish), Phase::Refining) => self.finish_refining(finish, vocabulary),
            (Some(finish), Phase::Speaking) => self.finish_speaking(finish),
        }
    }

    /// Returns what goes in of drawn tokens.
    fn input_of(&self, tokens: &[u32]) -> Input {
        match self.phase {
            Phase::Refining => Input::Text(tokens[0]),
            Phase::Speaking => Input::Codes(tokens.to_vec()),
        }
    }

    /// Lets all inputs go in again, of which the device has kept nothing but these last hidden states.
    fn put_back(&mut self, hiddens: &[f32], width: usize) {
        let drawn = self.tokens.iter().map(|tokens| self.input_of(tokens));
        self.pending = self.prompt.iter().cloned().chain(drawn).collect();
        self.position = 0;
        self.hiddens.truncate((self.tokens.len() * width).saturating_sub(hiddens.len()));
        self.hiddens.extend_from_slice(hiddens);
    }

    fn draw(&mut self, logits: &mut [f32]) -> Result<Draw> {
        let may_redraw = self.tokens.is_empty() && self.noise.mode() == NoiseMode::Stream;
        if !may_redraw {
            return self.sampler.draw(logits, self.noise.step(logits.len()));
        }
        let mut drawn = Draw::End;
        for _ in 0..FIRST_DRAWS {
            drawn = self.sampler.draw(&mut logits.to_vec(), self.noise.step(logits.len()))?;
            if drawn != Draw::End {
                break;
            }
        }
        Ok(drawn)
    }

    fn finish_refining(&mut self, finish: FinishReason, vocabulary: &Vocabulary) -> Result<Progress> {
        let first_steering = vocabulary.tokenizer.first_steering_token();
        let tokens: Vec<u32> = self.tokens.drain(..).flatten().collect();
        let kept: Vec<u32> = tokens.iter().copied().filter(|id| *id < first_steering).collect();
        let refined = Refined {
            text: vocabulary.tokenizer.decode(&kept)?,
            input_ids: self.input_ids.drain(..).flatten().collect(),
            tokens,
            finish,
        };
        if self.goal == Goal::Refine {
            return Ok(Progress::Refinement(refined));
        }
        if refined.text.trim().is_empty() {
            return Err(Error::EmptyText(format!(
                "refining with seed {} left no words; try another seed, or speak the text without refining it",
                self.request.seed
            )));
        }
        self.start_speaking(&refined.text, vocabulary)?;
        self.refined = Some(refined.clone());
        Ok(Progress::Refined(refined))
    }

    fn finish_speaking(&mut self, finish: FinishReason) -> Result<Progress> {
        if self.tokens.is_empty() {
            return Err(Error::EndedAtOnce { seed: self.request.seed });
        }
        Ok(Progress::Spoken(Box::new(Codes {
            input_ids: std::mem::take(&mut self.input_ids),
            tokens: std::mem::take(&mut self.tokens),
            hiddens: std::mem::take(&mut self.hiddens).into(),
            finish,
            refined: self.refined.take(),
            decoder: self.request.decoder,
        })))
    }
}

fn speech_sampler(request: &Request, vocabulary: &Vocabulary) -> Result<Sampler> {
    let end = vocabulary.code_tokens as u32 - 1;
    Sampler::new(request.sampling.clone(), vocabulary.codebooks, vocabulary.code_tokens, end)
}

/// Returns the speaker's direction, which is what the model takes.
fn unit_vector(speaker: &Speaker, hidden: usize) -> Result<Arc<[f32]>> {
    let values: Vec<f32> = speaker.values().iter().map(|v| v.to_f32()).collect();
    if values.len() != hidden {
        return Err(Error::Speaker(format!(
            "a speaker vector of {} values; this model takes {hidden}",
            values.len()
        )));
    }
    // In half precision, as the reference does: the length is rounded, and each quotient.
    let length = values.iter().map(|v| v * v).sum::<f32>().sqrt().max(NORM_EPS);
    let length = f16::from_f32(length).to_f32();
    Ok(values.iter().map(|v| f16::from_f32(v / length).to_f32()).collect())
}

/// Returns a sample's codes, one column per position, checked against the model.
fn codes_by_position(rows: &[Vec<u16>], vocabulary: &Vocabulary) -> Result<Vec<Vec<u32>>> {
    if rows.len() != vocabulary.codebooks {
        return Err(Error::Speaker(format!(
            "a voice prompt of {} codebooks; this model takes {}",
            rows.len(),
            vocabulary.codebooks
        )));
    }
    // The end token is no code of a sample.
    let largest = vocabulary.code_tokens as u16 - 2;
    if let Some(code) = rows.iter().flatten().find(|code| **code > largest) {
        return Err(Error::Speaker(format!("code {code} in a voice prompt; codes are 0 to {largest}")));
    }
    Ok((0..rows[0].len()).map(|t| rows.iter().map(|row| u32::from(row[t])).collect()).collect())
}
