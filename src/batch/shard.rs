//! Shards: the part of the lines that one of several runs speaks, so that many machines share a manifest.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The most shards; a manifest has no more lines.
const MOST: usize = 1 << 20;

/// One of several parts into which lines are dealt by a hash of their id, so that a line's part depends on no other
/// line, and adding lines moves none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// Makes the shard of an index, from 0, of a count.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there is no such shard.
    pub fn new(index: usize, count: usize) -> Result<Self> {
        if !(1..=MOST).contains(&count) {
            return Err(Error::parameter("shard", format!("{count} shards; 1 to {MOST} are possible")));
        }
        match index < count {
            true => Ok(Shard { index, count }),
            false => Err(Error::parameter(
                "shard",
                format!("there is no shard {index} of {count}; they count from 0 to {}", count - 1),
            )),
        }
    }

    /// Returns its index, from 0.
    pub fn index(self) -> usize {
        self.index
    }

    /// Returns the number of all shards.
    pub fn count(self) -> usize {
        self.count
    }

    /// Tells whether a line is in it, by the line's id, or by its text where it has none.
    pub fn has(self, id: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(id).into();
        let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 8], &[]));
        // The hash as a fraction of 1, times the count.
        let index = (u128::from(u64::from_be_bytes(*first)) * self.count as u128) >> 64;
        index == self.index as u128
    }

    /// Returns how the names of its files begin, after what they are.
    pub(super) fn stem(self) -> String {
        format!("{}-of-{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = Error;

    /// Reads `I/N`.
    ///
    /// # Errors
    /// [`Error::Parameter`] for anything else, or if there is no such shard.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::parameter("shard", format!("{text} is not I/N, such as 0/8"));
        let (index, count) = text.split_once('/').ok_or_else(wrong)?;
        let number = |digits: &str| digits.trim().parse().map_err(|_| wrong());
        Shard::new(number(index)?, number(count)?)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_in_one_shard_and_all_shards_have_as_many() {
        for count in [1, 2, 7, 64] {
            let shards: Vec<Shard> = (0..count).map(|index| Shard::new(index, count).unwrap()).collect();
            let mut lines = vec![0_usize; count];
            for line in 0..6400 {
                let id = format!("line-{line}");
                let of: Vec<usize> = (0..count).filter(|index| shards[*index].has(&id)).collect();
                assert_eq!(of.len(), 1, "{id} of {count}");
                lines[of[0]] += 1;
            }
            // Five times as far off as chance lies.
            let mean = 6400 / count;
            assert!(lines.iter().all(|lines| lines.abs_diff(mean).pow(2) <= 25 * mean), "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_shard_is_refused() {
        assert_eq!("3/8".parse::<Shard>().unwrap().to_string(), "3/8");
        for wrong in ["", "3", "8/8", "-1/8", "0/0", "1/x", "1/2/3", "0/9999999999"] {
            let error = wrong.parse::<Shard>().unwrap_err().to_string();
            assert!(error.starts_with("shard: "), "{wrong}: {error}");
        }
    }
}
