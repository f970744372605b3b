//! Clients, and the keys by which they are known.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use sha2::{Digest, Sha256};

use super::{Refusal, RefusalKind};

/// Who sends requests, as far as taking turns goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// The holder of a key, by its number from 1.
    Key(usize),
    /// An address; of IPv6 the network, of which one client has as many addresses as it likes.
    Address(IpAddr),
    /// Whoever reaches a socket of this machine.
    Local,
}

impl Client {
    /// Makes the client of an address.
    pub fn of_address(address: IpAddr) -> Self {
        /// The bits of an IPv6 address that name the network.
        const NETWORK: u128 = !0 << 64;
        Client::Address(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
            address => address,
        })
    }

    #[cfg(test)]
    pub(super) fn test(number: u64) -> Self {
        Client::Key(number as usize)
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Client::Key(number) => write!(f, "key {number}"),
            Client::Address(address) => write!(f, "{address}"),
            Client::Local => f.write_str("local"),
        }
    }
}

/// The keys that are accepted. Their digests are kept, which have one length.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<[u8; 32]>);

impl Keys {
    /// Reads keys, one a line; blank lines and those that begin with `#` are skipped.
    ///
    /// # Errors
    /// A sentence that says which line is no key, or that there is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let key = line.trim();
            if key.is_empty() || key.starts_with('#') {
                continue;
            }
            if !key.chars().all(|c| c.is_ascii_graphic()) {
                return Err(format!("line {}: a key is one word of ASCII characters", number + 1));
            }
            keys.push(Sha256::digest(key).into());
        }
        match keys.is_empty() {
            true => Err("it holds no key; write one a line".into()),
            false => Ok(Keys(keys)),
        }
    }

    /// Tells whether no key is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Finds the client of a key, in a time that depends neither on the key nor on which one it is.
    ///
    /// # Errors
    /// [`RefusalKind::Key`] if it is missing or not known.
    pub fn find(&self, key: Option<&str>) -> Result<Client, Refusal> {
        let Some(key) = key else {
            return Err(Refusal::new(
                RefusalKind::Key,
                "no key was given; send the header `Authorization: Bearer KEY`",
            ));
        };
        let given: [u8; 32] = Sha256::digest(key).into();
        let mut found = 0;
        for (number, known) in self.0.iter().enumerate() {
            let differs = known.iter().zip(&given).fold(0, |differs, (a, b)| differs | (a ^ b));
            found |= (number + 1) * usize::from(std::hint::black_box(differs) == 0);
        }
        match found {
            0 => Err(Refusal::new(RefusalKind::Key, "the key is not known here")),
            number => Ok(Client::Key(number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_their_line_and_no_others() {
        let keys = Keys::parse("# ours\nsk-one\n\n  sk-two  \n").unwrap();
        assert_eq!(keys.find(Some("sk-one")), Ok(Client::Key(1)));
        assert_eq!(keys.find(Some("sk-two")), Ok(Client::Key(2)));
        for wrong in [None, Some(""), Some("sk-three"), Some("sk-on"), Some("# ours")] {
            assert_eq!(keys.find(wrong).unwrap_err().kind, RefusalKind::Key, "{wrong:?}");
        }
        assert!(Keys::parse("\n# none\n").unwrap_err().contains("no key"));
        assert!(Keys::parse("a\nb c\n").unwrap_err().contains("line 2"));
    }

    #[test]
    fn one_network_is_one_client() {
        let client = |address: &str| Client::of_address(address.parse().unwrap());
        assert_eq!(client("2001:db8:0:1::5"), client("2001:db8:0:1:ffff::6"));
        assert_ne!(client("2001:db8:0:1::5"), client("2001:db8:0:2::5"));
        assert_eq!(client("::ffff:10.0.0.1"), client("10.0.0.1"));
        assert_ne!(client("10.0.0.2"), client("10.0.0.1"));
    }
}
