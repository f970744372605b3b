#!/usr/bin/env bash
# Everything that only a machine with an NVIDIA card can tell, in under ten minutes and one table.
#
#   benches/gpu.sh pack        builds and packs what it needs into gpu-bench/ (no card needed; under 64 MiB)
#   benches/gpu.sh [FOLDER]    runs it: gpu-bench/, tests/fixtures and this script are all it takes along
#
# The weights are random ones of the published shapes, made there, which cost as much to compute. What each part
# printed goes to FOLDER (default: gpu-results); the table at the end says what held and what was measured.
set -uo pipefail
cd "$(dirname "$0")/.."
here=$PWD/gpu-bench

if [ "${1:-}" = pack ]; then
    set -e
    rm -rf "$here"
    mkdir -p "$here"
    cargo build --release --locked --features cuda
    programs=$(cargo test --release --locked --features cuda --no-run --test parity --test cuda_memory 2>&1 |
        sed -n 's/.*Executable.*(\(.*\))/\1/p')
    cp target/release/chattts-rs "$here/"
    for program in $programs; do
        name=$(basename "$program")
        cp "$program" "$here/${name%-*}"
    done
    strip "$here"/*
    gzip -9 "$here"/*
    du -ch "$here"/* | tail -n 1
    exit
fi

out=${1:-gpu-results}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
export CHATTTS_RS_CACHE=off HF_HUB_OFFLINE=1
for program in chattts-rs parity cuda_memory; do
    gunzip -c "$here/$program.gz" >"$work/$program" || exit 1
    chmod +x "$work/$program"
done
tts=$work/chattts-rs
rows=()

# part NAME FILE COMMAND...: runs a command, keeps what it prints, and notes how it ended and how long it took.
part() {
    local name=$1 file=$out/$2 start end code
    shift 2
    printf '\n== %s\n' "$name"
    start=$(date +%s.%N)
    timeout 240 "$@" >"$file" 2>&1
    code=$?
    end=$(date +%s.%N)
    cat "$file"
    rows+=("$(printf '%-58s %6.1f s  %s' "$name" "$(echo "$end $start" | awk '{print $1 - $2}')" \
        "$([ $code = 0 ] && echo ok || echo "FAILED ($code)")")")
}

part "devices" devices.txt "$tts" devices
part "every kernel beside its twin" kernels.txt "$tts" devices --check
part "golden cases in f32 on the card, token by token" parity.txt \
    env CHATTTS_RS_TEST_DEVICE=cuda "$work/parity" --test-threads 1
part "weights of the published shapes" demo.txt "$tts" model demo "$work/model" --size full
# What is cut short, as it is here, ends with 1; that it is there is what counts.
made='"${@:2}"; [ -e "$1" ]'
part "first start: load, two tokens, exit" start1.txt bash -c "$made" made "$work/a.wav" \
    "$tts" synth -v -m "$work/model" --device cuda -t "你好" --seed 1 --min-tokens 2 --max-tokens 2 -o "$work/a.wav"
rm -f "$work/a.wav"
part "second start" start2.txt bash -c "$made" made "$work/a.wav" \
    "$tts" synth -v -m "$work/model" --device cuda -t "你好" --seed 1 --min-tokens 2 --max-tokens 2 -o "$work/a.wav"
part "f32, f16, bf16 beside f32 on the processor, by layer" precision.txt \
    "$tts" bench --precision -m "$work/model" --device cuda --tokens 48
part "speed in f16: 1, 8, 32, 128 texts" speed-f16.txt \
    "$tts" bench -m "$work/model" --device cuda --dtype f16 --batch-size 1,8,32,128 --tokens 256 --runs 2
part "the same for 1 and 32 without CUDA graphs" speed-eager.txt env CHATTTS_RS_GRAPHS=off CHATTTS_RS_STEPS_AHEAD=1 \
    "$tts" bench -m "$work/model" --device cuda --dtype f16 --batch-size 1,32 --tokens 256 --runs 2
part "speed in bf16 and f32: 1, 32 texts" speed-others.txt \
    "$tts" bench -m "$work/model" --device cuda --dtype bf16,f32 --batch-size 1,32 --tokens 128 --runs 2
for i in $(seq 1 512); do echo "这是第 $i 行，今天天气很好，我们去公园走走。"; done >"$work/lines.txt"
part "512 lines to WAV files" lines.txt bash -c "$made" made "$work/out/00511.wav" \
    "$tts" synth -v -m "$work/model" --device cuda -f "$work/lines.txt" --out-dir "$work/out" --seed 1 \
    --min-tokens 150 --max-tokens 150
part "loaded and dropped 50 times, 10,000 lines, memory as before" memory.txt \
    env CHATTTS_RS_TEST_DEVICE=cuda CHATTTS_RS_TEST_LINES=10000 "$work/cuda_memory"

# Voices of seeds on a card: what we draw, and what PyTorch draws there, if it is there. A speaker is
# normal · std + mean, so ratios of differences between three seeds are those of the normals alone.
if python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
    for seed in 1 2222 4099; do "$tts" roles export "cuda:$seed" >"$work/voice-$seed"; done
    part "cuda:N voices beside PyTorch's generator" voices.txt python3 - "$work" <<'PYTHON'
import lzma, struct, sys, torch

def decode(text):
    """base16384: seven bytes in four characters of 14 bits, and a last character that says how many remain."""
    tail = ord(text[-1]) - 0x3D00 if ord(text[-1]) < 0x4E00 else 0
    body = text[:-1] if tail else text
    bits = "".join(f"{ord(c) - 0x4E00:014b}" for c in body)
    data = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits) - 7, 8))
    return data[:len(body) // 4 * 7 + tail]

def ours(seed):
    text = open(f"{sys.argv[1]}/voice-{seed}", encoding="utf-8").read().strip()
    raw = lzma.decompress(decode(text), lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}])
    return torch.tensor(struct.unpack(f"<{len(raw) // 2}e", raw), dtype=torch.float64)

def theirs(seed):
    torch.manual_seed(seed)
    return torch.randn(768, device="cuda", dtype=torch.float32).double().cpu()

a, b, c = (ours(seed) for seed in (1, 2222, 4099))
x, y, z = (theirs(seed) for seed in (1, 2222, 4099))
left, right = (a - b) * (y - z), (b - c) * (x - y)
# Speakers are f16: a hundredth of what is compared.
error = (left - right).abs().max() / right.abs().max()
print(f"largest error {error:.1e}")
sys.exit(not error < 0.02)
PYTHON
else
    rows+=("$(printf '%-58s %9s  %s' "cuda:N voices beside PyTorch's generator" "" "not run: no PyTorch with CUDA")")
fi

printf '\n== %s, %s\n' "$("$tts" --version)" "$(sed -n 1p "$out/devices.txt")"
printf '%s\n' "${rows[@]}"
cat "$out/speed-f16.txt" "$out/speed-others.txt" <(echo "without CUDA graphs:") "$out/speed-eager.txt" | grep -E "^(weights|f16|bf16|f32|without| +s)"
! printf '%s\n' "${rows[@]}" | grep -q FAILED
