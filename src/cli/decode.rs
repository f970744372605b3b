//! Runs `decode`.

use chattts_rs::audio::{Encoding, encode, resample, trim_silence};
use chattts_rs::backend::SAMPLE_RATE;
use chattts_rs::voice::read_codes;

use super::args::DecodeArgs;
use super::dump::Dump;
use super::format::of_flag;
use super::output::{Target, deliver};
use super::{Context, options};

pub fn run(context: &Context, args: DecodeArgs) -> anyhow::Result<()> {
    let mut options = options::engine(&args.model, context);
    options::compute(&mut options, &args.compute, &context.report)?;
    let codes = read_codes(&args.codes)?;
    let encoding = Encoding::new(of_flag(None, "--out", &args.out)?, None, Some(args.sample_rate))?;
    let target = Target::new(Some(&args.out), None)?;
    let dump = args.dump.as_deref().map(Dump::new).transpose()?;
    let rendered = options::load(&mut options, context)?.decode(codes.codes())?;
    if let Some(dump) = dump {
        dump.decoded(&codes, &rendered)?;
    }
    let samples = resample(trim_silence(&rendered.wave), SAMPLE_RATE, args.sample_rate)?;
    let wav = encode(&samples, &encoding)?;
    deliver(&target, &wav)
}
