//! Hidden states of a sequence, in memory or on the device that computed them.

use std::any::Any;
use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use crate::error::Result;

/// Holds hidden states, (steps, hidden) row by row. Those on a device take its memory as long as they live; whoever reads
/// them gets a copy.
#[derive(Clone, Debug)]
pub struct Hiddens(Place);

#[derive(Clone, Debug)]
enum Place {
    Memory(Vec<f32>),
    Device(Arc<dyn OnDevice>),
}

/// Hidden states on a device.
pub trait OnDevice: Any + Debug + Send + Sync {
    /// Returns how many values there are.
    fn count(&self) -> usize;

    /// Copies them to memory.
    ///
    /// # Errors
    /// An error of the device.
    fn to_vec(&self) -> Result<Vec<f32>>;
}

impl Hiddens {
    /// Holds those on a device.
    pub fn on(device: Arc<dyn OnDevice>) -> Self {
        Hiddens(Place::Device(device))
    }

    /// Returns what holds them, if they are on a device.
    pub fn device(&self) -> Option<&dyn OnDevice> {
        match &self.0 {
            Place::Memory(_) => None,
            Place::Device(device) => Some(&**device),
        }
    }

    /// Returns how many values there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Place::Memory(values) => values.len(),
            Place::Device(device) => device.count(),
        }
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the values.
    ///
    /// # Errors
    /// An error of the device on which they are.
    pub fn values(&self) -> Result<Cow<'_, [f32]>> {
        match &self.0 {
            Place::Memory(values) => Ok(Cow::Borrowed(values)),
            Place::Device(device) => device.to_vec().map(Cow::Owned),
        }
    }
}

impl From<Vec<f32>> for Hiddens {
    fn from(values: Vec<f32>) -> Self {
        Hiddens(Place::Memory(values))
    }
}

/// Compares the values; what cannot be read equals nothing.
impl PartialEq for Hiddens {
    fn eq(&self, other: &Self) -> bool {
        matches!((self.values(), other.values()), (Ok(own), Ok(others)) if own == others)
    }
}
