//! Real cards, through NVIDIA's driver, which is looked for when the first one is asked for.

mod graph;
mod query;

use std::collections::HashMap;
use std::ffi::{CString, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::result::{self, DriverError};
use cudarc::driver::{CudaContext, sys};

use graph::CardGraph;
use query::{context, memory_now, said};
pub use query::{count, driver_version, limits, memory, properties};

use super::driver::{Address, Argument, Driver, Graph, Launch, Memory};
use super::shared::KERNELS;
use super::switches::Switches;
use crate::error::{Error, Result};

/// Aligns bytes for numbers of eight bytes and more.
#[repr(C, align(64))]
struct Aligned<T: ?Sized>(T);

/// Holds machine code for the known architectures, and PTX for those to come.
static IMAGE: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/kernels.fatbin")));
/// Holds the same as text, for drivers that are older than the compiler was.
pub static PTX: &str = include_str!(concat!(env!("OUT_DIR"), "/kernels.ptx"));
/// The oldest that the kernels are compiled for.
pub const OLDEST: (i32, i32) = (8, 0);
/// The oldest cards on which a launch can begin beside the one before it and blocks can run in clusters, and the oldest
/// CUDA whose drivers can record such launches.
const OVERLAPPING: ((i32, i32), (i32, i32)) = ((9, 0), (12, 4));
/// The priority of a card's first stream, in which texts wait for each step: its blocks come before those of others,
/// which render what is finished. The driver makes of it the highest there is.
const FIRST: i32 = -16;
/// How often a doubtful card does what must come out the same.
const REPEATS: usize = 25;

/// Owns one stream of one card.
pub struct Card {
    device: Arc<Device>,
    switches: Switches,
    stream: sys::CUstream,
}

/// Holds a card's context and the kernels on it, for all of its streams.
struct Device {
    context: Arc<CudaContext>,
    number: usize,
    name: String,
    module: sys::CUmodule,
    /// With the threads of a block.
    functions: HashMap<&'static str, (sys::CUfunction, u32)>,
    /// Whether a launch may begin beside the one before it.
    overlaps: AtomicBool,
    /// Whether blocks can run in clusters.
    has_clusters: bool,
    /// Whether it has failed, and how: nothing works after that.
    failed: Mutex<Option<String>>,
}

// SAFETY: handles of the driver may be used from any thread in which the context is current, which every
// call below sees to.
unsafe impl Send for Device {}
// SAFETY: as above.
unsafe impl Sync for Device {}
// SAFETY: as above.
unsafe impl Send for Card {}
// SAFETY: as above; the driver orders what several threads put in one stream.
unsafe impl Sync for Card {}

impl Card {
    /// Opens a card and loads the kernels onto it.
    ///
    /// # Errors
    /// An error of the driver; [`Error::Device`] if the card is older than the kernels are made for.
    pub fn open(number: usize) -> Result<Self> {
        let (name, capability) = properties(number)?;
        if capability < OLDEST {
            return Err(Error::Device(format!(
                "{name} (cuda:{number}) has compute capability {}.{}; {}.{} (Ampere) or newer is needed",
                capability.0, capability.1, OLDEST.0, OLDEST.1
            )));
        }
        let context = context(number)?;
        let module = load(number)?;
        let mut device = Device {
            context,
            number,
            name,
            module,
            functions: HashMap::with_capacity(KERNELS.len()),
            overlaps: AtomicBool::new(false),
            has_clusters: false,
            failed: Mutex::new(None),
        };
        for kernel in KERNELS {
            let symbol = CString::new(kernel.name).map_err(|e| Error::Device(e.to_string()))?;
            // SAFETY: the module is loaded.
            let function = unsafe { result::module::get_function(device.module, symbol) }
                .map_err(|e| said(&format!("kernel {} of card {number}", kernel.name), e))?;
            device.functions.insert(kernel.name, (function, kernel.threads));
        }
        device.prefer_shared_memory();
        let can = capability >= OVERLAPPING.0 && driver_version() >= Some(OVERLAPPING.1);
        device.has_clusters = can && device.waits();
        device.overlaps = AtomicBool::new(device.has_clusters);
        Card::stream(Arc::new(device), Switches::current(), FIRST)
    }

    fn stream(device: Arc<Device>, switches: Switches, priority: i32) -> Result<Self> {
        use sys::CUstream_flags::CU_STREAM_NON_BLOCKING as INDEPENDENT;
        device.bind()?;
        let mut stream = std::ptr::null_mut();
        // SAFETY: writes the stream.
        unsafe { sys::cuStreamCreateWithPriority(&mut stream, INDEPENDENT as u32, priority) }
            .result()
            .map_err(|e| device.error("a stream", e))?;
        Ok(Card { device, switches, stream })
    }

    fn capture_once(&self, launches: &mut dyn FnMut() -> Result<()>) -> Result<Box<dyn Graph>> {
        use sys::CUstreamCaptureMode_enum::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL as OF_THIS_THREAD;
        self.device.bind()?;
        let failed = |e| self.device.error("capturing a graph", e);
        // SAFETY: the stream is ours.
        unsafe { result::stream::begin_capture(self.stream, OF_THIS_THREAD) }.map_err(failed)?;
        let launched = launches();
        // SAFETY: it was begun above, and must be ended even if a launch was refused.
        let graph = unsafe { result::stream::end_capture(self.stream) };
        if let Err(error) = launched {
            if let Ok(graph) = graph {
                // SAFETY: it is whole, and nobody has it.
                let _ = unsafe { result::graph::destroy(graph) };
            }
            return Err(error);
        }
        let graph = graph.map_err(failed)?;
        // SAFETY: the graph is whole; once it is made executable it is not needed any more.
        let executable = unsafe {
            let executable = result::graph::instantiate(graph, sys::CUgraphInstantiate_flags(0));
            let _ = result::graph::destroy(graph);
            executable
        };
        let executable = executable.map_err(failed)?;
        Ok(Box::new(CardGraph { device: Arc::clone(&self.device), executable, stream: self.stream }))
    }
}

/// Loads the kernels, as machine code or, where the driver is too old for that, as PTX.
fn load(number: usize) -> Result<sys::CUmodule> {
    // SAFETY: the image is a whole one, as the compiler wrote it.
    let first = match unsafe { result::module::load_data(IMAGE.0.as_ptr().cast()) } {
        Ok(module) => return Ok(module),
        Err(error) => error,
    };
    let text = CString::new(PTX).map_err(|e| Error::Device(e.to_string()))?;
    // SAFETY: a string that ends in a zero.
    unsafe { result::module::load_data(text.as_ptr().cast()) }.map_err(|second| {
        let supported = driver_version().map_or_else(String::new, |(major, minor)| {
            format!("; the driver knows CUDA {major}.{minor}, a newer one may take them")
        });
        let first = said("as machine code", first);
        let second = said("as PTX", second);
        Error::Device(format!("card {number} does not take the kernels{supported}: {first}; {second}"))
    })
}

impl Device {
    /// Asks for as much shared memory as there is for every kernel: else a launch may wait until the multiprocessors'
    /// memory is split anew. Only a wish.
    fn prefer_shared_memory(&self) {
        use sys::CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT as SHARED;
        for (function, _) in self.functions.values() {
            // SAFETY: the function is one of the module's.
            let _ = unsafe { result::function::set_function_attribute(*function, SHARED, 100) };
        }
    }

    /// Returns true if the kernels themselves wait for what was launched before them. Code of the PTX for
    /// older cards does not.
    fn waits(&self) -> bool {
        use sys::CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_PTX_VERSION as COMPILED_FOR;
        let (major, minor) = OVERLAPPING.0;
        self.functions.values().all(|(function, _)| {
            // SAFETY: the function is one of the module's.
            let version = unsafe { result::function::get_function_attribute(*function, COMPILED_FOR) };
            version.is_ok_and(|version| version >= major * 10 + minor)
        })
    }

    fn bind(&self) -> Result<()> {
        if let Some(reason) = self.failed.lock().unwrap_or_else(PoisonError::into_inner).as_deref() {
            return Err(Error::Device(reason.into()));
        }
        self.make_current().map_err(|e| self.error("using it", e))
    }

    /// Makes the card's context current in any case, since what is current may be left from a context that is
    /// gone.
    fn make_current(&self) -> std::result::Result<(), DriverError> {
        // SAFETY: the context is retained as long as this lives.
        unsafe { result::ctx::set_current(self.context.cu_ctx()) }
    }

    /// Returns the driver's error as ours, and keeps it if the card is of no more use.
    fn error(&self, doing: &str, error: DriverError) -> Error {
        let message = said(&format!("{} (cuda:{}), {doing}", self.name, self.number), error);
        use sys::CUresult::*;
        // What is refused leaves a card as it was, a capture's end included.
        let lasting = !matches!(
            error.0,
            CUDA_ERROR_OUT_OF_MEMORY
                | CUDA_ERROR_INVALID_VALUE
                | CUDA_ERROR_INVALID_HANDLE
                | CUDA_ERROR_NOT_SUPPORTED
                | CUDA_ERROR_NOT_PERMITTED
                | CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES
                | CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED
                | CUDA_ERROR_STREAM_CAPTURE_INVALIDATED
                | CUDA_ERROR_STREAM_CAPTURE_MERGE
                | CUDA_ERROR_STREAM_CAPTURE_UNMATCHED
                | CUDA_ERROR_STREAM_CAPTURE_UNJOINED
                | CUDA_ERROR_STREAM_CAPTURE_ISOLATION
                | CUDA_ERROR_STREAM_CAPTURE_IMPLICIT
                | CUDA_ERROR_CAPTURED_EVENT
                | CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD
        );
        if lasting {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(message.to_string());
        }
        message
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if self.make_current().is_ok() {
            // SAFETY: no stream is left that could use it.
            let _ = unsafe { result::module::unload(self.module) };
        }
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        if self.device.make_current().is_ok() {
            // SAFETY: it is ours, and all that was in it is waited for first.
            unsafe {
                let _ = result::stream::synchronize(self.stream);
                let _ = result::stream::destroy(self.stream);
            }
        }
    }
}

impl Driver for Card {
    fn allocate(&self, bytes: usize) -> Result<Address> {
        self.device.bind()?;
        // SAFETY: nothing is assumed of what it holds.
        unsafe { result::malloc_sync(bytes) }
            .map_err(|e| self.device.error(&format!("taking {:.1} MiB", bytes as f64 / 1048576.0), e))
    }

    fn free(&self, address: Address, _: usize) {
        if self.device.make_current().is_ok() {
            // SAFETY: it came from `allocate`, and waits for what is still running.
            let _ = unsafe { result::free_sync(address) };
        }
    }

    fn upload(&self, to: Address, bytes: &[u8]) -> Result<()> {
        self.device.bind()?;
        // SAFETY: the caller's buffer is of that size, and is waited for: that memory which is not pinned is
        // copied before this returns is not promised.
        unsafe { result::memcpy_htod_async(to, bytes, self.stream) }
            .map_err(|e| self.device.error("copying to it", e))?;
        self.synchronize()
    }

    fn copy(&self, to: Address, from: Address, bytes: usize) -> Result<()> {
        self.device.bind()?;
        // SAFETY: the caller's places are of that size.
        unsafe { result::memcpy_dtod_async(to, from, bytes, self.stream) }
            .map_err(|e| self.device.error("copying within it", e))
    }

    fn download(&self, from: Address, bytes: &mut [u8]) -> Result<()> {
        self.device.bind()?;
        // SAFETY: the caller's buffer is of that size, and is waited for.
        unsafe { result::memcpy_dtoh_async(bytes, from, self.stream) }
            .map_err(|e| self.device.error("copying from it", e))?;
        self.synchronize()
    }

    unsafe fn launch(&self, launch: Launch, arguments: &[Argument]) -> Result<()> {
        self.device.bind()?;
        let Some((function, threads)) = self.device.functions.get(launch.kernel) else {
            return Err(Error::Device(format!("there is no kernel {}", launch.kernel)));
        };
        let [x, y, z] = launch.grid;
        let mut addresses: Vec<*mut c_void> = arguments.iter().map(Argument::address).collect();
        let overlaps = launch.beside && self.switches.overlap && self.device.overlaps.load(Ordering::Relaxed);
        if overlaps || launch.cluster > 1 {
            use sys::CUlaunchAttributeID::{
                CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION as CLUSTER,
                CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION as BESIDE,
            };
            let cluster = sys::CUlaunchAttributeValue_union__bindgen_ty_1 { x: launch.cluster, y: 1, z: 1 };
            let cluster = sys::CUlaunchAttributeValue { clusterDim: cluster };
            let beside = sys::CUlaunchAttributeValue { programmaticStreamSerializationAllowed: 1 };
            let wanted = [(CLUSTER, cluster, launch.cluster > 1), (BESIDE, beside, overlaps)];
            let mut attributes: Vec<_> = wanted
                .into_iter()
                .filter(|(.., is_wanted)| *is_wanted)
                .map(|(id, value, _)| sys::CUlaunchAttribute { id, pad: [0; 4], value })
                .collect();
            let config = sys::CUlaunchConfig {
                gridDimX: x,
                gridDimY: y,
                gridDimZ: z,
                blockDimX: *threads,
                blockDimY: 1,
                blockDimZ: 1,
                sharedMemBytes: launch.shared,
                hStream: self.stream,
                attrs: attributes.as_mut_ptr(),
                numAttrs: attributes.len() as u32,
            };
            // SAFETY: the caller's promise; the configuration is read before this returns.
            let launched = unsafe {
                sys::cuLaunchKernelEx(&config, *function, addresses.as_mut_ptr(), std::ptr::null_mut())
            };
            use sys::CUresult::{CUDA_ERROR_INVALID_VALUE, CUDA_ERROR_NOT_SUPPORTED};
            match launched.result() {
                // Then one after the other.
                Err(DriverError(CUDA_ERROR_INVALID_VALUE | CUDA_ERROR_NOT_SUPPORTED)) if overlaps => {
                    self.device.overlaps.store(false, Ordering::Relaxed);
                    // SAFETY: the caller's promise.
                    return unsafe { self.launch(launch, arguments) };
                }
                launched => return launched.map_err(|e| self.device.error(launch.kernel, e)),
            }
        }
        // SAFETY: the caller's promise.
        unsafe {
            result::launch_kernel(
                *function,
                (x, y, z),
                (*threads, 1, 1),
                launch.shared,
                self.stream,
                &mut addresses,
            )
        }
        .map_err(|e| self.device.error(launch.kernel, e))
    }

    fn capture(&self, launches: &mut dyn FnMut() -> Result<()>) -> Result<Box<dyn Graph>> {
        let overlapped = self.device.overlaps.load(Ordering::Relaxed);
        let recorded = self.capture_once(launches);
        if recorded.is_ok() || !overlapped {
            return recorded;
        }
        // Perhaps the driver cannot record launches that begin beside others.
        self.device.overlaps.store(false, Ordering::Relaxed);
        self.capture_once(launches)
    }

    fn synchronize(&self) -> Result<()> {
        self.device.bind()?;
        // SAFETY: the stream is ours.
        unsafe { result::stream::synchronize(self.stream) }
            .map_err(|e| self.device.error("waiting for it", e))
    }

    fn memory(&self) -> Result<Memory> {
        self.device.bind()?;
        memory_now().map_err(|e| self.device.error("its memory", e))
    }

    fn name(&self) -> &str {
        &self.device.name
    }

    fn has_clusters(&self) -> bool {
        self.device.has_clusters
    }

    fn card(&self) -> usize {
        Arc::as_ptr(&self.device).addr()
    }

    fn multiprocessors(&self) -> Result<u32> {
        use sys::CUdevice_attribute_enum::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT as COUNT;
        let asking = |e| self.device.error("counting its multiprocessors", e);
        let device = result::device::get(self.device.number as i32).map_err(asking)?;
        // SAFETY: the device is one that the driver gave.
        let count = unsafe { result::device::get_attribute(device, COUNT) }.map_err(asking)?;
        Ok(u32::try_from(count).unwrap_or(1).max(1))
    }

    fn switches(&self) -> Switches {
        self.switches
    }

    fn another(&self, switches: Switches, is_urgent: bool) -> Result<Arc<dyn Driver>> {
        let priority = if is_urgent { FIRST } else { 0 };
        Ok(Arc::new(Card::stream(Arc::clone(&self.device), switches, priority)?))
    }

    fn is_doubtful(&self) -> bool {
        true
    }

    fn repeats(&self) -> usize {
        REPEATS
    }

    fn mark(&self) -> Result<u64> {
        use sys::CUevent_flags::CU_EVENT_DEFAULT as TIMED;
        self.device.bind()?;
        let failed = |e| self.device.error("marking a time", e);
        let event = result::event::create(TIMED).map_err(failed)?;
        // SAFETY: both are alive.
        if let Err(error) = unsafe { result::event::record(event, self.stream) } {
            self.unmark(event as u64);
            return Err(failed(error));
        }
        Ok(event as u64)
    }

    fn wait(&self, mark: u64) -> Result<()> {
        use sys::CUevent_wait_flags_enum::CU_EVENT_WAIT_DEFAULT as AS_USUAL;
        self.device.bind()?;
        // SAFETY: it came from `mark` and is not forgotten yet.
        unsafe { result::stream::wait_event(self.stream, mark as sys::CUevent, AS_USUAL) }
            .map_err(|e| self.device.error("waiting for a mark", e))
    }

    fn unmark(&self, mark: u64) {
        if self.device.make_current().is_ok() {
            // SAFETY: it came from `mark`, and is forgotten once.
            let _ = unsafe { result::event::destroy(mark as sys::CUevent) };
        }
    }

    fn seconds(&self, from: u64, to: u64) -> Result<f64> {
        self.device.bind()?;
        let (from, to) = (from as sys::CUevent, to as sys::CUevent);
        // SAFETY: both came from `mark` and are not forgotten yet.
        let milliseconds =
            unsafe { result::event::synchronize(to).and_then(|()| result::event::elapsed(from, to)) };
        Ok(f64::from(milliseconds.map_err(|e| self.device.error("reading a time", e))?) / 1e3)
    }
}
