//! Runs `tokenize`.

use chattts_rs::text::Tokenizer;
use serde_json::json;

use super::args::TokenizeArgs;
use super::input::{Form, gather};
use super::output::print_line;
use super::{Context, SomeFailed, options};

pub fn run(context: &Context, args: TokenizeArgs) -> anyhow::Result<()> {
    let utterances = gather(&args.texts, Form::Lines)?;
    let checkpoint = options::open(&options::engine(&args.model, context), context)?.checkpoint;
    let tokenizer = Tokenizer::from_json(&checkpoint.tokenizer.1, &checkpoint.tokenizer.0)?;
    let total = utterances.len();
    let mut failed = 0;
    for utterance in utterances {
        let encoded = utterance.raw().and_then(|text| Ok((tokenizer.encode(text)?, text)));
        let (ids, text) = match encoded {
            Ok(encoded) => encoded,
            Err(e) => {
                context.report.error(&format!("{utterance}: {e:#}"));
                failed += 1;
                continue;
            }
        };
        if args.json {
            let tokens: Vec<_> = ids.iter().map(|id| tokenizer.token(*id)).collect();
            print_line(&json!({ "text": text, "ids": ids, "tokens": tokens }).to_string())?;
        } else {
            let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
            print_line(&ids.join(" "))?;
        }
    }
    if failed > 0 { Err(SomeFailed { failed, truncated: 0, total }.into()) } else { Ok(()) }
}
