//! Compiles the CUDA kernels, where the feature `cuda` asks for them.

/// The library's own, for the kernels.
#[cfg(feature = "cuda-kernels")]
#[path = "src/sampling/constants.rs"]
mod sampling;

/// The kernels' header, of the table that the library reads as Rust.
#[cfg(feature = "cuda-kernels")]
mod header {
    use super::sampling::{FIRST_DRAWS, MIN_KEPT, PENALTY_WINDOW};

    macro_rules! kernels {
        ($($name:ident: $threads:literal,)*) => {
            const KERNELS: &[(&str, u32)] = &[$((stringify!($name), $threads),)*];
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
            $(const $constant: $constant_type = $value;)*
            const CONSTANTS: &[(&str, u64)] = &[$((stringify!($constant), $constant as u64),)*];
            const STRUCTURES: &[(&str, &[(&str, &str)])] =
                &[$((stringify!($structure), &[$((stringify!($field), stringify!($type)),)*]),)*];
            const NAMES: (&str, &[&str]) = (stringify!($names), &[$(stringify!($name),)*]);
        };
    }

    include!("src/backend/cuda/table.rs");

    /// Returns the header's text.
    pub fn text() -> String {
        let mut text = String::from("#pragma once\n\n");
        let of_sampling =
            [("PENALTY_WINDOW", PENALTY_WINDOW), ("MIN_KEPT", MIN_KEPT), ("FIRST_DRAWS", FIRST_DRAWS)];
        let of_sampling = of_sampling.map(|(name, value)| (name, value as u64));
        let threads = KERNELS.iter().map(|(name, threads)| (format!("threads_{name}"), u64::from(*threads)));
        let constants = of_sampling.iter().chain(CONSTANTS).map(|(name, value)| (name.to_string(), *value));
        for (name, value) in threads.chain(constants) {
            text += &format!("constexpr unsigned {name} = {value};\n");
        }
        for (name, fields) in STRUCTURES {
            text += &format!("\nstruct {name} {{\n");
            fields.iter().for_each(|(field, kind)| text += &format!("    {};\n", declared(kind, field)));
            text += "};\n";
        }
        let (name, names) = NAMES;
        let names: Vec<String> = names.iter().map(|name| screaming(name)).collect();
        text + &format!("\nenum {name} {{ {} }};\n", names.join(", "))
    }

    /// Declares a field of a Rust type.
    fn declared(kind: &str, field: &str) -> String {
        let name = |kind: &str| match kind.trim() {
            "u32" => "unsigned".to_string(),
            "u64" => "uint64_t".to_string(),
            "f32" => "float".to_string(),
            "c_void" => "void".to_string(),
            other => other.to_string(),
        };
        let kind = kind.trim_matches(['(', ')', ' ']);
        if let Some((kind, count)) =
            kind.strip_prefix('[').and_then(|rest| rest.trim_end_matches(']').split_once(';'))
        {
            return format!("{} {field}[{}]", name(kind), count.trim());
        }
        let pointed = |mark: &str| kind.strip_prefix('*')?.trim_start().strip_prefix(mark).map(name);
        match (pointed("const "), pointed("mut ")) {
            (Some(kind), _) => format!("const {kind} *{field}"),
            (_, Some(kind)) => format!("{kind} *{field}"),
            _ => format!("{} {field}", name(kind)),
        }
    }

    /// Writes a name of Rust's as C++ writes those of constants.
    fn screaming(name: &str) -> String {
        let mut text = String::new();
        for c in name.chars() {
            if c.is_uppercase() && !text.is_empty() {
                text.push('_');
            }
            text.push(c.to_ascii_uppercase());
        }
        text
    }
}

#[cfg(feature = "cuda")]
#[path = "src/backend/candle/late_binding/build.rs"]
mod late_binding;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "cuda-kernels")]
    {
        cuda::write_header();
        cuda::compile();
    }
    #[cfg(feature = "cuda")]
    late_binding::compile(&cuda::out_dir(), &cuda::nvcc());
    #[cfg(feature = "cuda-emulator")]
    cuda::compile_emulator();
}

#[cfg(feature = "cuda-kernels")]
mod cuda {
    use std::env;
    use std::env::consts::EXE_SUFFIX;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    const KERNELS: &str = "src/backend/cuda/kernels";
    const SOURCE: &str = "src/backend/cuda/kernels/all.cu";
    /// Machine code for these, and PTX of the first for what comes after them.
    const ARCHITECTURES: [u32; 6] = [80, 86, 89, 90, 100, 120];
    /// The oldest PTX that has what the kernels use on each architecture: a driver takes no PTX that is newer than itself.
    const PTX_VERSIONS: [(u32, &str); 7] =
        [(80, "7.0"), (86, "7.1"), (87, "7.4"), (89, "7.8"), (90, "7.8"), (100, "8.6"), (120, "8.7")];

    /// What is fused into one rounding depends on the compiler's version and on where a function is inlined;
    /// only what the source fuses is the same everywhere.
    const FUSE_NOTHING: &str = "-fmad=false";

    pub fn out_dir() -> PathBuf {
        PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"))
    }

    /// The header in which the kernels find what the library shares with them.
    pub fn write_header() {
        for table in ["src/sampling/constants.rs", "src/backend/cuda/table.rs"] {
            println!("cargo:rerun-if-changed={table}");
        }
        std::fs::write(out_dir().join("shared.cuh"), crate::header::text())
            .expect("OUT_DIR can be written to");
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
        let invalid = || panic!("CUDA_COMPUTE_CAP={asked}: numbers like 86 or 86,90");
        let words = asked.split([',', ' ']).filter(|cap| !cap.is_empty());
        let named: Vec<u32> =
            words.map(|cap| cap.replace('.', "").parse().unwrap_or_else(|_| invalid())).collect();
        let architectures = match named.as_slice() {
            // One alone, which is what candle takes, is the oldest wanted.
            &[oldest] => {
                let newer = ARCHITECTURES.into_iter().filter(|cap| *cap > oldest);
                std::iter::once(oldest).chain(newer).collect()
            }
            [] => ARCHITECTURES.to_vec(),
            _ => named,
        };
        let oldest = architectures.iter().copied().min().unwrap_or_else(invalid);
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

    pub fn nvcc() -> PathBuf {
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
