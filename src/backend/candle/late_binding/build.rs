//! Part of the build: archives in place of NVIDIA's libraries, whose functions find the library when they are called.
//!
//! candle links these libraries, so without this its binary would not even start where one of them is missing. What is
//! made here stands in their place when the program is linked: each function jumps to where its table says, at first
//! to what opens the library and looks the function up. Where there is no library, it returns an error of the
//! library's own kind, as if there were no card.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

const FOLDER: &str = "src/backend/candle/late_binding";

struct Library {
    /// As it is linked.
    name: &'static str,
    /// As it is looked for, the newest first.
    files: &'static [&'static str],
    /// The status of a function that is missing.
    missing: u32,
}

const LIBRARIES: [Library; 4] = [
    // There is no device.
    Library { name: "cuda", files: &["libcuda.so.1"], missing: 100 },
    // Not initialised.
    Library { name: "cublas", files: &["libcublas.so.13", "libcublas.so.12"], missing: 1 },
    Library { name: "cublasLt", files: &["libcublasLt.so.13", "libcublasLt.so.12"], missing: 1 },
    Library { name: "curand", files: &["libcurand.so.10"], missing: 101 },
];

/// Makes the archives where that can be done; elsewhere the libraries are linked as candle links them.
pub fn compile(out: &Path, nvcc: &Path) {
    println!("cargo:rerun-if-changed={FOLDER}");
    let target =
        ["CARGO_CFG_TARGET_OS", "CARGO_CFG_TARGET_ARCH"].map(|name| env::var(name).unwrap_or_default());
    if target != ["linux", "x86_64"] {
        return;
    }
    for library in &LIBRARIES {
        let Library { name, files, missing } = library;
        let path = format!("{FOLDER}/{name}.txt");
        let functions = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let functions: Vec<&str> = functions.lines().collect();
        let (names, assembly) = (out.join(format!("{name}.names")), out.join(format!("{name}.s")));
        let quoted =
            |words: &[&str]| words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        fs::write(&names, quoted(&functions)).expect("OUT_DIR can be written to");
        fs::write(&assembly, trampolines(name, &functions)).expect("OUT_DIR can be written to");
        cc::Build::new()
            .file(format!("{FOLDER}/resolve.c"))
            .file(&assembly)
            .define("FILES", quoted(files).as_str())
            .define("NAMES", format!("\"{}\"", names.display()).as_str())
            .define("MISSING", missing.to_string().as_str())
            .define("TABLE", format!("late_{name}_table").as_str())
            .define("RESOLVE", format!("late_{name}_resolve").as_str())
            .cargo_metadata(false)
            .compile(name);
    }
    // What starts candle's kernels; this one can be linked as it is.
    let homes = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(env::var_os).map(PathBuf::from);
    let homes = nvcc.ancestors().nth(2).map(PathBuf::from).into_iter().chain(homes);
    let archives =
        homes.flat_map(|home| ["lib", "lib64", "targets/x86_64-linux/lib"].map(|lib| home.join(lib)));
    if let Some(found) = archives.map(|folder| folder.join("libcudart_static.a")).find(|file| file.exists()) {
        fs::copy(found, out.join("libcudart.a")).expect("OUT_DIR can be written to");
    }
    // Nobody calls its compiler, but the library is named to the linker.
    fs::write(out.join("libnvrtc.a"), "!<arch>\n").expect("OUT_DIR can be written to");
    println!("cargo:rustc-link-search=native={}", out.display());
}

/// Returns the functions' code: a jump each, and what finds a function without losing an argument.
fn trampolines(library: &str, functions: &[&str]) -> String {
    let table = format!("late_{library}_table");
    let mut text =
        format!(".section .data.rel.local,\"aw\"\n.p2align 3\n.globl {table}\n.hidden {table}\n{table}:\n");
    for index in 0..functions.len() {
        let _ = writeln!(text, ".quad .Lfind{index}");
    }
    text.push_str(".text\n");
    for (index, name) in functions.iter().enumerate() {
        let _ = writeln!(
            text,
            ".globl {name}\n.type {name},@function\n{name}: jmp *{table}+{}(%rip)\n\
             .Lfind{index}: pushq ${index}\njmp .Lresolve",
            8 * index
        );
    }
    // All registers that may hold arguments, and the stack at a multiple of 16.
    let integers = ["rdi", "rsi", "rdx", "rcx", "r8", "r9", "rax"];
    text.push_str(".Lresolve:\n");
    integers.iter().for_each(|register| text.push_str(&format!("pushq %{register}\n")));
    text.push_str("subq $136, %rsp\n");
    (0..8).for_each(|i| text.push_str(&format!("movups %xmm{i}, {}(%rsp)\n", 16 * i)));
    let _ = writeln!(text, "movq 192(%rsp), %rdi\ncall late_{library}_resolve\nmovq %rax, %r11");
    (0..8).for_each(|i| text.push_str(&format!("movups {}(%rsp), %xmm{i}\n", 16 * i)));
    text.push_str("addq $136, %rsp\n");
    integers.iter().rev().for_each(|register| text.push_str(&format!("popq %{register}\n")));
    text.push_str("addq $8, %rsp\njmp *%r11\n.section .note.GNU-stack,\"\",@progbits\n");
    text
}
