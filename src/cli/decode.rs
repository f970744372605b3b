//! `decode`.

use chattts_rs::speaker::read_codes;

use super::args::DecodeArgs;
use super::dump::Dump;
use super::output::{Target, encode};
use super::{Context, options};

pub fn run(context: &Context, args: DecodeArgs) -> anyhow::Result<()> {
    let compute = options::compute(&args.compute)?;
    let codes = read_codes(&args.codes)?;
    encode(&[], args.sample_rate)?;
    let target = Target::new(Some(&args.out), None)?;
    let dump = args.dump.as_deref().map(Dump::new).transpose()?;
    let tts = options::load(&args.model, compute, context)?;
    let rendered = tts.decode(codes.codes())?;
    if let Some(dump) = dump {
        dump.decoded(&codes, &rendered)?;
    }
    target.write(0, &encode(&rendered.wave, args.sample_rate)?)
}
