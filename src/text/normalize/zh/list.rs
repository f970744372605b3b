//! Numbers of a list's items.

use super::number::integer;
use crate::text::normalize::rule::{Found, Rule, rule};

pub const RULES: &[Rule] = &[rule("list", "{list_item}", item), rule("list", "[①-⑳]", circled)];

fn item(found: &Found) -> Option<String> {
    let line_start =
        found.before().trim_end_matches([' ', '\t']).chars().next_back().is_none_or(|c| c == '\n');
    line_start.then(|| integer(found.get("n")) + "，")
}

fn circled(found: &Found) -> Option<String> {
    let n = u32::from(found.all().chars().next()?) - u32::from('①') + 1;
    let spoken = integer(&n.to_string());
    // 步骤①和② name the steps; elsewhere an item begins.
    let named =
        found.next().is_none_or(|c| "和与或及到至、的中，。；）)".contains(c) || ('①'..='⑳').contains(&c));
    Some(if named { spoken } else { spoken + "，" })
}
