//! The machine on which a measurement ran.

use serde::Serialize;
use sysinfo::{CpuRefreshKind, System};

/// A machine, as far as its numbers depend on it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// The processor as it names itself; empty if it does not.
    pub cpu: String,
    /// Cores that this process may run on.
    pub cores: usize,
    /// Threads that compute.
    pub threads: usize,
    /// Main memory, in bytes; 0 if the system does not say.
    pub memory_bytes: u64,
    /// The operating system.
    pub os: &'static str,
    /// The processor's architecture.
    pub arch: &'static str,
}

impl Machine {
    /// Describes this machine.
    pub fn this() -> Self {
        // A system that does not say leaves it open.
        let (cpu, memory_bytes) = System::new().map_or_else(
            |_| (String::new(), 0),
            |mut system| {
                system.refresh_memory();
                system.refresh_cpu_list(CpuRefreshKind::nothing());
                let cpu = system.cpus().first().map(|cpu| cpu.brand().trim().to_string());
                (cpu.unwrap_or_default(), system.total_memory())
            },
        );
        Machine {
            cpu,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            threads: rayon::current_num_threads(),
            memory_bytes,
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
        }
    }
}

/// Returns the most memory that this process has held at once, in bytes; None on systems other than Linux.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    peak_of(&status)
}

/// Reads `VmHWM` of proc(5), which is in KiB, as bytes.
fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_status() {
        let status = "Name:\tchattts-rs\nVmPeak:\t  900 kB\nVmHWM:\t    1234 kB\nVmRSS:\t     17 kB\n";
        assert_eq!(peak_of(status), Some(1234 << 10));
        assert_eq!(peak_of("Name:\tx\n"), None);
    }
}
