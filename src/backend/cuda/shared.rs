//! What the kernels and the host share, as Rust. The table is `table.rs`, of which the build script writes the kernels'
//! header.

use super::driver::{Address, Plain};
use crate::sampling::PENALTY_WINDOW;

/// Names a kernel and the block it is made for.
pub struct Kernel {
    /// Its symbol.
    pub name: &'static str,
    /// Threads of a block.
    pub threads: u32,
}

/// A kernel's type as the host holds it: an address by its number, all else as it is.
macro_rules! held {
    ((*const $type:ty)) => {
        Address
    };
    ((*mut $type:ty)) => {
        Address
    };
    ($type:ty) => {
        $type
    };
}

macro_rules! kernels {
    ($($name:ident: $threads:literal,)*) => {
        /// All that there are.
        pub const KERNELS: &[Kernel] = &[$(Kernel { name: stringify!($name), threads: $threads },)*];
    };
}

macro_rules! shared {
    (
        constants { $($(#[$constant_doc:meta])* const $constant:ident: $constant_type:ty = $value:expr;)* }
        structures {
            $($(#[$structure_doc:meta])* struct $structure:ident {
                $($(#[$field_doc:meta])* $field:ident: $type:tt,)*
            })*
        }
        names {
            $(#[$names_doc:meta])* enum $names:ident {
                $($(#[$name_doc:meta])* $name:ident,)*
            }
        }
    ) => {
        $($(#[$constant_doc])* pub const $constant: $constant_type = $value;)*
        $(
            $(#[$structure_doc])*
            #[repr(C)]
            #[derive(Clone, Copy, Debug, Default, PartialEq)]
            pub struct $structure {
                $($(#[$field_doc])* pub $field: held!($type),)*
            }
        )*
        $(#[$names_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $names {
            $($(#[$name_doc])* $name,)*
        }
    };
}

include!("table.rs");

// SAFETY: numbers of four bytes, so nothing lies between them.
unsafe impl Plain for Row {}
// SAFETY: as above.
unsafe impl Plain for Kept {}
// SAFETY: numbers of eight bytes.
unsafe impl Plain for PageOffset {}
// SAFETY: as above.
unsafe impl Plain for Bounds {}
// SAFETY: as above.
unsafe impl Plain for DrawState {}
