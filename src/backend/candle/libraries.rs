//! NVIDIA's libraries, which candle needs on cards and this program is not linked with.

use std::path::PathBuf;
use std::sync::OnceLock;

use libloading::Library;

use crate::error::{Error, Result};

/// What each is called, and its files, the newest first; what needs another comes after it.
const LIBRARIES: [(&str, &[&str]); 4] = [
    ("the CUDA runtime", &["libcudart.so.13", "libcudart.so.12"]),
    ("cuBLASLt", &["libcublasLt.so.13", "libcublasLt.so.12"]),
    ("cuBLAS", &["libcublas.so.13", "libcublas.so.12"]),
    ("cuRAND", &["libcurand.so.10"]),
];

/// Where toolkits put them without telling the loader.
const FOLDERS: [&str; 2] = ["/usr/local/cuda/lib64", "/opt/cuda/lib64"];

/// Loads the libraries, after which they are found by their names.
///
/// # Errors
/// [`Error::Device`] that names a library that is missing, and where it is to be had.
pub fn find() -> Result<()> {
    static FOUND: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    FOUND.get_or_init(|| LIBRARIES.iter().try_for_each(load)).clone().map_err(Error::Device)
}

fn load(&(name, files): &(&str, &[&str])) -> std::result::Result<(), String> {
    let paths = files.iter().flat_map(|file| {
        let folders = FOLDERS.iter().map(move |folder| PathBuf::from(folder).join(file));
        std::iter::once(PathBuf::from(file)).chain(folders)
    });
    // SAFETY: these libraries do nothing on being loaded that concerns this program.
    let found = paths.into_iter().find_map(|path| unsafe { Library::new(path) }.ok());
    // Never unloaded: functions of it are called from anywhere.
    found.map(std::mem::forget).ok_or_else(|| {
        format!(
            "{name} was not found ({}), which candle needs on NVIDIA cards: it is part of the CUDA toolkit, or \
             `pip install nvidia-cublas nvidia-curand nvidia-cuda-runtime`; name the folder in LD_LIBRARY_PATH",
            files.join(" or ")
        )
    })
}
