//! The prompts around a text.

/// Tokens that a user may not place, as the prompt places them.
const RESERVED: [&str; 3] = ["[Stts]", "[spk_emb]", "[empty_spk]"];

/// Returns the prompt for speech: `[Stts][spk_emb]{voice text}{tags}{text}[Ptts]`, with `[empty_spk]` in
/// place of `[spk_emb]` when there is no speaker.
pub fn code_prompt(text: &str, tags: &str, voice_text: &str, has_speaker: bool) -> String {
    let text = without_reserved(text);
    let speaker = if has_speaker { "[spk_emb]" } else { "[empty_spk]" };
    format!("[Stts]{speaker}{voice_text}{tags}{}[Ptts]", text.trim())
}

/// Removes the reserved tokens, and those that appear when others between their parts are removed.
fn without_reserved(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for part in text.split_inclusive(']') {
        kept.push_str(part);
        if let Some(token) = RESERVED.iter().find(|token| kept.ends_with(**token)) {
            kept.truncate(kept.len() - token.len());
        }
    }
    kept
}

/// Returns the prompt for refining: `[Sbreak]{text}[Pbreak]{tags}`.
pub fn refine_prompt(text: &str, tags: &str) -> String {
    format!("[Sbreak]{text}[Pbreak]{tags}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_tokens_in_the_text_are_removed() {
        let prompt = code_prompt(" [Stts]hi [spk_emb]you[empty_spk] ", "[speed_5]", "", false);
        assert_eq!(prompt, "[Stts][empty_spk][speed_5]hi you[Ptts]");
        let nested = code_prompt("a[St[spk_emb]ts]b[empty_[Stts]spk][laugh]]", "[speed_5]", "", true);
        assert_eq!(nested, "[Stts][spk_emb][speed_5]ab[laugh]][Ptts]");
        assert_eq!(code_prompt("b", "[speed_5]", "a", true), "[Stts][spk_emb]a[speed_5]b[Ptts]");
        assert_eq!(refine_prompt("a", "[oral_2]"), "[Sbreak]a[Pbreak][oral_2]");
    }
}
