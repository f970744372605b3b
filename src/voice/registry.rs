//! The roles that are known by name, from several files and the shipped ones.

use std::fmt;
use std::path::{Path, PathBuf};

use super::role::Role;
use super::role_file::{self, Roles};
use super::{SeedKind, VoiceSpec, check_name};
use crate::error::Result;

/// The seeds that published lists of voices recommend.
const SHIPPED: [u64; 14] = [2, 1111, 2222, 3333, 4099, 4444, 5099, 5555, 6653, 6666, 7777, 7869, 8888, 9999];

/// Says where a role comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file of roles.
    File(PathBuf),
    /// This program.
    Shipped,
    /// Whoever uses the library, while it runs.
    Given,
}

impl Origin {
    /// Returns the folder to which a path in a role's mix is relative.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Origin::File(path) => path.parent(),
            Origin::Shipped | Origin::Given => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Shipped => f.write_str("shipped"),
            Origin::Given => f.write_str("given"),
        }
    }
}

/// A registered role and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Registered<'a> {
    /// Name or number of the role.
    pub name: &'a str,
    /// The role itself.
    pub role: &'a Role,
    /// The place it comes from.
    pub origin: &'a Origin,
}

/// Holds the roles of several files, the first of which wins, and beneath them the shipped ones.
///
/// A file holds one table a role, named by a word ([`super::check_name`]) or a number:
///
/// ```toml
/// [roles.anna]
/// seed = "torch-f32:2222"     # or speaker = "蘁淰…", or mix = "anna*0.7 + voices/bob.pt*0.3"
/// codes = "…"                 # a voice-prompt string, alone or beside one of them,
/// text = "what it says"       # and its words
/// note = "calm, for chapters"
/// source = "https://…"
/// ```
///
/// A relative path in a mix counts from the file's folder. [`super::add_role`] and [`super::remove_role`]
/// change a file.
#[derive(Clone, Debug)]
pub struct Registry {
    layers: Vec<(Origin, Roles)>,
}

impl Registry {
    /// Returns a registry of the shipped roles alone.
    pub fn shipped() -> Self {
        let role = |seed: u64| {
            let note = Some("a seed of the published voice lists".into());
            let voice = VoiceSpec::Seed(SeedKind::TorchF32, seed);
            (seed.to_string(), Role { note, ..Role::new(voice) })
        };
        Registry { layers: vec![(Origin::Shipped, SHIPPED.into_iter().map(role).collect())] }
    }

    /// Reads the roles of these files over the shipped ones: a project's file first, then the user's. A missing
    /// file holds none.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if a file cannot be read, [`crate::Error::BadFile`] that names the line.
    pub fn load<P: AsRef<Path>>(files: &[P]) -> Result<Self> {
        let layer = |path: &P| {
            let path = path.as_ref();
            role_file::load(path).map(|roles| (Origin::File(path.to_path_buf()), roles))
        };
        let mut layers: Vec<(Origin, Roles)> = files.iter().map(layer).collect::<Result<_>>()?;
        layers.extend(Registry::shipped().layers);
        Ok(Registry { layers })
    }

    /// Registers a role over those of all files, in memory alone; one of that name that was given so before is
    /// replaced.
    ///
    /// # Errors
    /// [`crate::Error::Speaker`] if the name is none.
    pub fn insert(&mut self, name: &str, role: Role) -> Result<()> {
        self.insert_as(&Origin::Given, name, role)
    }

    /// Registers a role, in memory alone, among those of an origin; if there are none yet, over those of all others.
    ///
    /// # Errors
    /// As [`Registry::insert`].
    pub fn insert_as(&mut self, origin: &Origin, name: &str, role: Role) -> Result<()> {
        check_name(name)?;
        if !self.layers.iter().any(|(other, _)| other == origin) {
            self.layers.insert(0, (origin.clone(), Roles::new()));
        }
        if let Some((_, roles)) = self.layers.iter_mut().find(|(other, _)| other == origin) {
            roles.insert(name.to_string(), role);
        }
        Ok(())
    }

    /// Takes a role away, from memory alone, if it is among those of an origin; returns it.
    pub fn remove(&mut self, origin: &Origin, name: &str) -> Option<Role> {
        self.layers.iter_mut().find(|(other, _)| other == origin)?.1.remove(name)
    }

    /// Returns the role of a name or number.
    pub fn get(&self, name: &str) -> Option<Registered<'_>> {
        self.layers.iter().find_map(|(origin, roles)| {
            roles.get_key_value(name).map(|(name, role)| Registered { name, role, origin })
        })
    }

    /// Reads a voice as it is written. A word that is no role is taken for a file if there is one of that name.
    ///
    /// # Errors
    /// As [`VoiceSpec::parse`].
    pub fn parse(&self, text: &str) -> Result<VoiceSpec> {
        match VoiceSpec::parse(text)? {
            VoiceSpec::Name(name) if self.get(&name).is_none() && Path::new(&name).is_file() => {
                Ok(VoiceSpec::File(name.into()))
            }
            spec => Ok(spec),
        }
    }

    /// Returns all roles, each once, numbers before names.
    pub fn list(&self) -> Vec<Registered<'_>> {
        let names = self.layers.iter().flat_map(|(_, roles)| roles.keys());
        let mut names: Vec<&String> = names.collect();
        names.sort_by_key(|name| (name.parse::<u64>().unwrap_or(u64::MAX), *name));
        names.dedup();
        names.into_iter().filter_map(|name| self.get(name)).collect()
    }
}

impl Default for Registry {
    fn default() -> Self {
        Registry::shipped()
    }
}
