#!/usr/bin/env bash
# Fuzzes all targets, or those that are named, for some seconds each: fuzz/run.sh [SECONDS [TARGET...]]
#
# Needs nothing but Rust and a C++ compiler. What is found lies in fuzz/artifacts/TARGET, what was learned in
# fuzz/corpus/TARGET (or FUZZ_CORPUS/TARGET); as many targets run at once as there are processors (or FUZZ_JOBS).
# FUZZ_SEED=N tries in the order of every run with N.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-8}
shift || true
export FUZZ_SECONDS=$seconds FUZZ_CORPUS=${FUZZ_CORPUS:-fuzz/corpus}
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
    mapfile -t targets < <(ls fuzz/seeds)
fi

# In the folder of the crate's own builds: what it depends on is compiled for its tests already, and only the crate
# itself is compiled again, with instruments.
target_dir=${CARGO_TARGET_DIR:-$PWD/target}
RUSTC_WRAPPER="$PWD/fuzz/instrument.sh" cargo build --release --locked --manifest-path fuzz/Cargo.toml \
    --target-dir "$target_dir" --bin all
export FUZZ_PROGRAM=$target_dir/release/all
FUZZ_LOGS=$(mktemp -d)
export FUZZ_LOGS
trap 'rm -rf "$FUZZ_LOGS"' EXIT

run() {
    local target=$1 log=$FUZZ_LOGS/$1 dictionary=fuzz/dictionaries/$1.dict code=0
    mkdir -p "$FUZZ_CORPUS/$target" "fuzz/artifacts/$target"
    local limits=(-timeout=10 -rss_limit_mb=1500 -malloc_limit_mb=512 -max_total_time="$FUZZ_SECONDS" -seed="${FUZZ_SEED:-0}")
    if [ -f "$dictionary" ]; then
        limits+=(-dict="$dictionary")
    fi
    FUZZ_TARGET=$target RUST_BACKTRACE=1 "$FUZZ_PROGRAM" "$FUZZ_CORPUS/$target" "fuzz/seeds/$target" \
        "${limits[@]}" -artifact_prefix="fuzz/artifacts/$target/" -print_final_stats=1 >"$log" 2>&1 || code=$?
    stat() { sed -n "s/^stat::$1: *//p" "$log" | tail -n 1; }
    local covered
    covered=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1)
    printf '%-13s %9s executions %7s a second, %s\n' "$target" "$(stat number_of_executed_units)" \
        "$(stat average_exec_per_sec)" "${covered:-no coverage}"
    if [ $code != 0 ]; then
        local input
        input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
        {
            printf '\n== %s: a finding\n' "$target"
            grep -v -E '^(#|INFO|Dictionary|stat::|NEW_FUNC)' "$log" | tail -n 60
            printf '== again:  FUZZ_TARGET=%s %s %s\n' "$target" "$FUZZ_PROGRAM" "$input"
            printf '== or:     cargo fuzz run --sanitizer none %s %s\n\n' "$target" "$input"
        } >&2
        return 1
    fi
}
export -f run

printf '%s\n' "${targets[@]}" | xargs -P "${FUZZ_JOBS:-$(nproc)}" -I TARGET bash -c 'run TARGET' ||
    { echo "fuzzing found something" >&2; exit 1; }
