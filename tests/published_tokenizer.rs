//! The published tokenizer, where it is at hand: its files are not ours to ship, so this looks for them in
//! `shared/tokenizer` beside the repository and says so if they are not there. What the small checkpoint's
//! tokenizer shows is tested everywhere, in `parity.rs`.

use std::path::Path;

use chattts_rs::text::Tokenizer;

/// Texts, and the ids that the reference's tokenizer gives them.
const CASES: [(&str, &[u32]); 3] = [
    (
        "[Stts][spk_emb][speed_5]我们的 Hello World, café 123。[uv_break]OK[Ptts] naïve Ünïcode 𠮷 😀 ﾊﾝｶｸ don't",
        &[
            21131, 21143, 21173, 2769, 812, 4638, 8701, 8572, 117, 8377, 8604, 511, 21137, 8270, 21132,
            11469, 8857, 12024, 100, 100, 100, 9524, 112, 162,
        ],
    ),
    (
        "四川美食确实以辣闻名，但也有不辣的选择。[laugh]Tokenization isn't unbelievable![lbreak]",
        &[
            1724, 2335, 5401, 7608, 4802, 2141, 809, 6793, 7319, 1399, 8024, 852, 738, 3300, 679, 6793, 4638,
            6848, 2885, 511, 21142, 8228, 11285, 8169, 9283, 8361, 8310, 8171, 112, 162, 163, 8171, 12157,
            8402, 8786, 8862, 106, 21139,
        ],
    ),
    (
        "[Sbreak]chat T T S is a text to speech model designed for dialogue applications.[Pbreak][oral_2][laugh_0][break_6]",
        &[
            21134, 9537, 8488, 162, 162, 161, 8310, 143, 10539, 8228, 9716, 8854, 8370, 9264, 9225, 8303,
            8330, 9796, 8315, 10800, 8803, 12339, 8118, 119, 21135, 21160, 21155, 21153,
        ],
    ),
];

#[test]
fn the_published_tokenizer_gives_the_references_ids_and_neither_cuts_nor_pads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tokenizer/tokenizer.json");
    let Ok(json) = std::fs::read_to_string(&path) else {
        println!("not run: the published tokenizer is not at {}", path.display());
        return;
    };
    let tokenizer = Tokenizer::from_json(&json, &path).unwrap();
    assert_eq!(tokenizer.size(), 21178);
    for (text, ids) in CASES {
        assert_eq!(tokenizer.encode(text).unwrap(), ids, "{text}");
    }
    assert_eq!(tokenizer.encode(&"好".repeat(1000)).unwrap().len(), 1000);
}
