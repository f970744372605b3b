//! The entities of XML and HTML.

/// Returns the character that an entity, from `&` to `;`, stands for.
pub fn referenced(entity: &str) -> Result<char, String> {
    let name = entity.strip_prefix('&').and_then(|rest| rest.strip_suffix(';')).unwrap_or(entity);
    let c = match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => name.strip_prefix('#').and_then(|number| {
            let (digits, radix) = match number.strip_prefix('x') {
                Some(hex) => (hex, 16),
                None => (number, 10),
            };
            // A sign is no digit, but would be taken for a part of the number.
            let plain = digits.chars().all(|c| c.is_digit(radix));
            let code = plain.then(|| u32::from_str_radix(digits, radix).ok())??;
            char::from_u32(code).filter(|c| *c != '\0')
        }),
    };
    c.ok_or_else(|| {
        let end = name.floor_char_boundary(name.len().min(60));
        let known = "known: &amp; &lt; &gt; &apos; &quot; and numbers such as &#20320;";
        format!("unknown entity &{};; {known}", &name[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_characters() {
        assert_eq!(referenced("&lt;"), Ok('<'));
        assert_eq!(referenced("&#x4F60;"), Ok('你'));
        for bad in ["&;", "&#;", "&#x;", "&#-1;", "&#99999999999;", "&#x110000;", "&AMP;", "&#X41;"] {
            assert!(referenced(bad).unwrap_err().contains("unknown entity"), "{bad}");
        }
    }
}
