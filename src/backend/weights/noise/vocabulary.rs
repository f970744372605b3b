//! A tokenizer whose vocabulary is of the published kind.

use serde_json::json;

use crate::text::{CONTROL_TOKENS, SPECIAL_TOKENS};

/// The commonest characters, for the vocabulary; the full size goes on through the Unicode block.
const COMMON_HAN: &str = "的一是了我不人在他有这个上们来到时大地为子中你说生国年着就那和要她出也得里后自以会家可\
    下而过天去能对小多然于心学么之都好看起发当没成只如事把还用第样道想作种开美总从无情己面最女但现前些所同日手又行\
    意动方期它头经长儿回位分爱老因很给名法间斯知世什两次使身者被高已亲其进此话常与活正感见明问力理尔点文几定本公特\
    做外孩相西果走将月十实向声车全信重三机工物气每并别真打太新比才便夫再书部水像眼等体却加电主界门利海受听表德少克\
    代员许先口由死安写性马光白或住难望教命花结乐色更拉东神记处让母父应直字场平报友关放至张认接告入笑内英军候民岁往\
    何度山觉路带万男边风解叫任金快原吃妈变通师立象数四失满战远格士音轻目条呢病始达深完今提求清王化空业思切怎非找片\
    罗钱紧反且爸呀谢你您喂欢迎世界语请按键零二五六七八九百千号总价元";

/// Makes a WordPiece tokenizer of the published kind with `size` tokens, the control tokens last.
pub fn tokenizer_json(size: usize) -> String {
    let words = size - CONTROL_TOKENS.len();
    let mut vocabulary: Vec<String> = SPECIAL_TOKENS.iter().map(|t| t.to_string()).collect();
    let mut seen = std::collections::HashSet::new();
    let latin = ('a'..='z').chain('0'..='9');
    vocabulary.extend("，。、,.?!'-".chars().map(String::from));
    vocabulary.extend(latin.clone().map(String::from));
    vocabulary.extend(latin.map(|c| format!("##{c}")));
    for c in COMMON_HAN.chars().chain('\u{4e00}'..='\u{9fff}') {
        if vocabulary.len() < words && !c.is_whitespace() && seen.insert(c) {
            vocabulary.push(c.to_string());
        }
    }
    vocabulary.extend((vocabulary.len()..words).map(|i| format!("[unused{i}]")));
    let added: Vec<_> = SPECIAL_TOKENS
        .iter()
        .enumerate()
        .chain(CONTROL_TOKENS.iter().enumerate().map(|(i, token)| (words + i, token)))
        .map(|(id, token)| {
            json!({"id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": true})
        })
        .collect();
    let ids: serde_json::Map<_, _> =
        vocabulary.into_iter().enumerate().map(|(id, word)| (word, json!(id))).collect();
    let tokenizer = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                       "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": null,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": ids},
    });
    tokenizer.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vocabulary_ends_with_the_control_tokens_and_repeats_nothing() {
        for text in [640, 21178] {
            let json: serde_json::Value = serde_json::from_str(&tokenizer_json(text)).unwrap();
            let added = json["added_tokens"].as_array().unwrap();
            assert_eq!(added.last().unwrap()["content"], "[speed_9]");
            assert_eq!(added.last().unwrap()["id"], text - 1);
            assert_eq!(json["model"]["vocab"].as_object().unwrap().len(), text - CONTROL_TOKENS.len());
        }
    }
}
