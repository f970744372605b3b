//! What the driver tells of itself and of the cards that there are.

use std::sync::Arc;

use cudarc::driver::result::{self, DriverError};
use cudarc::driver::{CudaContext, sys};

use super::super::driver::Memory;
use crate::error::{Error, Result};

/// The driver's library, also where images of containers keep it without telling the loader.
const DRIVERS: [&str; 4] =
    ["libcuda.so.1", "/usr/local/nvidia/lib64/libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1", "nvcuda.dll"];

/// Returns the driver's error as ours, with what was being done.
pub(super) fn said(doing: &str, error: DriverError) -> Error {
    let text = |found: std::result::Result<&std::ffi::CStr, DriverError>| {
        found.map_or_else(|_| String::new(), |text| text.to_string_lossy().into_owned())
    };
    let (name, words) = (text(error.error_name()), text(error.error_string()));
    let advice = match error.0 {
        sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => {
            "; a smaller batch or a smaller share of the memory takes less"
        }
        sys::CUresult::CUDA_ERROR_NO_DEVICE => "; `chattts-rs devices` lists what there is",
        sys::CUresult::CUDA_ERROR_UNSUPPORTED_PTX_VERSION => "; a newer driver is needed",
        sys::CUresult::CUDA_ERROR_STUB_LIBRARY => {
            "; this libcuda is the toolkit's stand-in for the driver's: take its folder out of LD_LIBRARY_PATH"
        }
        sys::CUresult::CUDA_ERROR_SYSTEM_NOT_READY => "; is nvidia-fabricmanager running?",
        sys::CUresult::CUDA_ERROR_SYSTEM_DRIVER_MISMATCH => {
            "; the driver's library and its kernel module differ: restart, or install one version of both"
        }
        _ => "",
    };
    Error::Device(format!("{doing}: {words} ({name}){advice}"))
}

/// Loads the driver and counts the cards.
///
/// # Errors
/// [`Error::Device`] if there is no driver, or what it says.
pub fn count() -> Result<usize> {
    start()?;
    let count = result::device::get_count().map_err(|e| said("counting NVIDIA cards", e))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

fn start() -> Result<()> {
    static FOUND: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    let found = FOUND.get_or_init(|| {
        // Once it is loaded, by whichever path, it is found by its name.
        // SAFETY: a driver's library does nothing on being loaded that concerns this program.
        let loaded = DRIVERS.iter().find_map(|path| unsafe { libloading::Library::new(*path) }.ok());
        loaded.map(std::mem::forget).is_some()
    });
    if !found {
        return Err(Error::Device(
            "no NVIDIA driver was found (libcuda.so.1); compute on the processor, `cpu`, or install the driver".into(),
        ));
    }
    result::init().map_err(|e| said("starting the NVIDIA driver", e))
}

/// Returns the newest CUDA that the driver knows, such as 12.4.
pub fn driver_version() -> Option<(i32, i32)> {
    let mut version = 0;
    // SAFETY: writes one number.
    unsafe { sys::cuDriverGetVersion(&mut version) }.result().ok()?;
    Some((version / 1000, version % 1000 / 10))
}

/// Returns a card's name and compute capability.
///
/// # Errors
/// An error of the driver.
pub fn properties(number: usize) -> Result<(String, (i32, i32))> {
    use sys::CUdevice_attribute_enum::{
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR,
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR,
    };
    exists(number)?;
    let asking = |e| said(&format!("asking card {number} what it is"), e);
    let device = result::device::get(number as i32).map_err(asking)?;
    let name = result::device::get_name(device).map_err(asking)?;
    // SAFETY: the device is one that the driver gave.
    let attribute = |which| unsafe { result::device::get_attribute(device, which) }.map_err(asking);
    Ok((name, (attribute(MAJOR)?, attribute(MINOR)?)))
}

/// Returns a card's memory, for which the card is opened.
///
/// # Errors
/// An error of the driver.
pub fn memory(number: usize) -> Result<Memory> {
    let _context = context(number)?;
    memory_now().map_err(|e| said(&format!("asking card {number} for its memory"), e))
}

pub(super) fn memory_now() -> std::result::Result<Memory, DriverError> {
    let (free, total) = result::mem_get_info()?;
    Ok(Memory { free: free as u64, total: total as u64 })
}

fn exists(number: usize) -> Result<()> {
    let there = match count()? {
        count if number < count => return Ok(()),
        0 => "no NVIDIA card was found".into(),
        1 => "the only one is cuda:0".to_string(),
        count => format!("there are cuda:0 to cuda:{}", count - 1),
    };
    Err(Error::Device(format!("there is no card cuda:{number}: {there}")))
}

/// Returns how many multiprocessors a card has, and the bytes a second that its memory moves at most.
pub fn limits(number: usize) -> (Option<u32>, Option<u64>) {
    use sys::CUdevice_attribute_enum::{
        CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH as BITS,
        CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE as KILOHERTZ,
        CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT as COUNT,
    };
    let Ok(device) = result::device::get(number as i32) else { return (None, None) };
    // SAFETY: the device is one that the driver gave.
    let ask = |what| unsafe { result::device::get_attribute(device, what) }.ok().filter(|said| *said > 0);
    let bandwidth = ask(BITS).zip(ask(KILOHERTZ)).map(|(bits, kilohertz)| {
        // Two transfers a tick.
        2 * 1000 * kilohertz as u64 * bits as u64 / 8
    });
    (ask(COUNT).map(|count| count as u32), bandwidth)
}

pub(super) fn context(number: usize) -> Result<Arc<CudaContext>> {
    exists(number)?;
    let context = CudaContext::new(number).map_err(|e| said(&format!("opening card {number}"), e))?;
    // SAFETY: it has just been retained.
    unsafe { result::ctx::set_current(context.cu_ctx()) }
        .map_err(|e| said(&format!("opening card {number}"), e))?;
    Ok(context)
}
