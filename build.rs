//! Compiles the CUDA kernels, where the feature `cuda` asks for them.

/// The library's own, for the kernels.
#[cfg(feature = "cuda")]
#[path = "src/sampling/constants.rs"]
mod sampling;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "cuda")]
    {
        cuda::write_constants();
        cuda::compile();
    }
    #[cfg(feature = "cuda-emulator")]
    cuda::compile_emulator();
}

#[cfg(feature = "cuda")]
mod cuda {
    use std::env;
    use std::env::consts::EXE_SUFFIX;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use crate::sampling::{FIRST_DRAWS, MIN_KEPT, PENALTY_WINDOW};

    const KERNELS: &str = "src/backend/cuda/kernels";
    const SOURCE: &str = "src/backend/cuda/kernels/all.cu";
    /// Machine code for these, and PTX of the first for what comes after them.
    const ARCHITECTURES: [&str; 6] = ["80", "86", "89", "90", "100", "120"];
    /// The oldest PTX that has what the kernels use on each architecture: a driver takes no PTX that is newer than itself.
    const PTX_VERSIONS: [(u32, &str); 7] =
        [(80, "7.0"), (86, "7.1"), (87, "7.4"), (89, "7.8"), (90, "7.8"), (100, "8.6"), (120, "8.7")];

    /// What is fused into one rounding depends on the compiler's version and on where a function is inlined;
    /// only what the source fuses is the same everywhere.
    const FUSE_NOTHING: &str = "-fmad=false";

    fn out_dir() -> PathBuf {
        PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"))
    }

    /// The header in which the kernels find the library's constants.
    pub fn write_constants() {
        println!("cargo:rerun-if-changed=src/sampling/constants.rs");
        let constants =
            [("PENALTY_WINDOW", PENALTY_WINDOW), ("MIN_KEPT", MIN_KEPT), ("FIRST_DRAWS", FIRST_DRAWS)];
        let lines = constants.map(|(name, value)| format!("constexpr unsigned {name} = {value};\n"));
        let text = format!("#pragma once\n\nnamespace sampling {{\n{}}}\n", lines.concat());
        std::fs::write(out_dir().join("sampling_constants.cuh"), text).expect("OUT_DIR can be written to");
    }

    /// One image for all architectures, and PTX for drivers older than the compiler.
    pub fn compile() {
        println!("cargo:rerun-if-changed={KERNELS}");
        for variable in ["NVCC", "CUDA_HOME", "CUDA_PATH", "CUDA_COMPUTE_CAP"] {
            println!("cargo:rerun-if-env-changed={variable}");
        }
        let out = out_dir();
        let nvcc = nvcc();
        let asked = env::var("CUDA_COMPUTE_CAP").unwrap_or_default();
        let named: Vec<String> =
            asked.split([',', ' ']).filter(|cap| !cap.is_empty()).map(|cap| cap.replace('.', "")).collect();
        let architectures = match named.is_empty() {
            true => ARCHITECTURES.map(String::from).to_vec(),
            false => named,
        };
        let oldest = architectures.iter().filter_map(|cap| cap.parse::<u32>().ok()).min();
        let oldest = oldest.unwrap_or_else(|| panic!("CUDA_COMPUTE_CAP={asked}: numbers like 86 or 86,90"));
        if oldest < 80 {
            panic!("CUDA_COMPUTE_CAP={asked}: the kernels need 80 (Ampere) or newer");
        }

        let mut fatbin = Command::new(&nvcc);
        fatbin
            .args(["-fatbin", "-std=c++17", "-O3", FUSE_NOTHING, "--threads", "0", "-o"])
            .arg(out.join("kernels.fatbin"))
            .arg("-I")
            .arg(&out);
        for cap in &architectures {
            fatbin.arg(format!("-gencode=arch=compute_{cap},code=sm_{cap}"));
        }
        run(fatbin.arg(format!("-gencode=arch=compute_{oldest},code=compute_{oldest}")).arg(SOURCE));

        let ptx = out.join("kernels.ptx");
        let arch = format!("-arch=compute_{oldest}");
        run(Command::new(&nvcc)
            .args(["-ptx", "-std=c++17", "-O3", FUSE_NOTHING, &arch, "-o"])
            .arg(&ptx)
            .arg("-I")
            .arg(&out)
            .arg(SOURCE));
        let text = std::fs::read_to_string(&ptx).expect("nvcc wrote PTX");
        // Newer compilers write newer versions whatever is used; that the older one holds is for ptxas to say.
        if let Some((_, version)) = PTX_VERSIONS.iter().find(|(cap, _)| *cap == oldest) {
            let text: String = text
                .lines()
                // Only a hint, which older versions do not know.
                .filter(|line| !line.contains(".pragma \"used_bytes_mask"))
                .map(|line| match line.starts_with(".version") {
                    true => format!(".version {version}\n"),
                    false => format!("{line}\n"),
                })
                .collect();
            std::fs::write(&ptx, text).expect("OUT_DIR can be written to");
            let ptxas = nvcc.with_file_name(format!("ptxas{EXE_SUFFIX}"));
            if ptxas.exists() {
                let cubin = out.join("check.cubin");
                run(Command::new(ptxas).arg(format!("-arch=sm_{oldest}")).arg(&ptx).arg("-o").arg(cubin));
            }
        }
    }

    /// The kernels' source for the processor.
    #[cfg(feature = "cuda-emulator")]
    pub fn compile_emulator() {
        println!("cargo:rerun-if-changed=src/backend/cuda/emulator");
        cc::Build::new()
            .cpp(true)
            .std("c++17")
            .opt_level(2)
            .define("EMULATED", None)
            .include(out_dir())
            .flag("-xc++")
            // Products are rounded as the card rounds them: fused only where the source says so.
            .flag("-ffp-contract=off")
            .flag("-Wno-unknown-pragmas")
            .file("src/backend/cuda/emulator/emulator.cpp")
            .file(SOURCE)
            .link_lib_modifier("+whole-archive")
            .compile("emulated_kernels");
    }

    fn nvcc() -> PathBuf {
        let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cuda/nvidia/cu13");
        let homes = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(env::var_os).map(PathBuf::from);
        let found = env::var_os("NVCC").map(PathBuf::from).or_else(|| {
            let mut homes = homes.chain([fetched, "/usr/local/cuda".into(), "/opt/cuda".into()]);
            homes.find_map(|home| {
                Some(home.join(format!("bin/nvcc{EXE_SUFFIX}"))).filter(|nvcc| nvcc.exists())
            })
        });
        let nvcc = found.unwrap_or_else(|| "nvcc".into());
        match Command::new(&nvcc).arg("--version").output() {
            Ok(output) if output.status.success() => nvcc,
            _ => panic!(
                "the feature cuda needs nvcc, and {} does not run: packaging/cuda-toolkit.sh fetches one, or \
                 set CUDA_HOME or NVCC",
                nvcc.display()
            ),
        }
    }

    fn run(command: &mut Command) {
        let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        if !status.success() {
            panic!("{command:?}: {status}");
        }
    }
}
