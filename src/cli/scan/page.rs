//! The page of a scan: one file, which needs no network and works from a disk.

use super::measure::{CALM, FAST, HIGH, Heard, LIVELY, LOW, OFTEN_FEMALE, OFTEN_MALE, SLOW};

const TEMPLATE: &str = include_str!("page.html");

/// Returns the page of these voices.
pub fn page(heard: &[Heard], sentences: &[String]) -> anyhow::Result<String> {
    let bounds = serde_json::json!({
        "low": LOW, "high": HIGH, "male": OFTEN_MALE, "female": OFTEN_FEMALE,
        "calm": CALM, "lively": LIVELY, "slow": SLOW, "fast": FAST,
    });
    let data = serde_json::json!({ "voices": heard, "sentences": sentences, "bounds": bounds });
    // Nothing in it can end the script or begin a comment of HTML.
    Ok(TEMPLATE.replacen("\"DATA\"", &data.to_string().replace('<', "\\u003c"), 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_needs_nothing_and_runs_nothing_of_its_data() {
        let name = "</script><script>alert(1)</script>".to_string();
        let heard = [Heard { name, ..Heard::default() }];
        let page = page(&heard, &["<!-- \"DATA\"".into()]).unwrap();
        assert_eq!((page.matches("</script>").count(), page.matches("<!--").count()), (1, 0));
        for far in ["http://", "https://", "src=\"//", "@import"] {
            assert!(!TEMPLATE.replace("http://www.w3.org/2000/svg", "").contains(far), "{far}");
        }
    }
}
