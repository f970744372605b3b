#!/usr/bin/env bash
# Everything that only a machine with an NVIDIA card can tell, in under ten minutes and one table.
#
#   benches/gpu.sh pack        builds and packs what it needs into gpu-bench/ (no card needed; under 64 MiB)
#   benches/gpu.sh [FOLDER]    runs it: gpu-bench/, tests/fixtures and benches/ are all it takes along
#
# The weights are random ones of the published shapes, made there, which cost as much to compute. What each part
# printed goes to FOLDER (default: gpu-results); the tables at the end say what held and what was measured, those in
# Markdown as the README has them. What tells most comes first; what does not fit into the time is left out.
#
# CHATTTS_RS_WHEELS=DIR installs the wheels in DIR, beside the PyTorch that is there, for the comparison with the
# Python program. To try the script itself, on an emulated card: `benches/gpu.sh pack cuda-emulator`, and then
# `CHATTTS_RS_EMULATED_CARDS=1 SIZE=tiny benches/gpu.sh`.
set -uo pipefail
cd "$(dirname "$0")/.."
here=$PWD/gpu-bench

if [ "${1:-}" = pack ]; then
    set -e
    features=${2:-cuda}
    rm -rf "$here"
    mkdir -p "$here"
    cargo build --release --locked --features "$features"
    programs=$(cargo test --release --locked --features "$features" --no-run --test parity --test cuda_memory 2>&1 |
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
size=${SIZE:-full}
if [ "$size" = full ]; then
    sizes=1,8,64,256 some=1,64 tokens=256 lines=1024 together=256 shortest=60 longest=420 memory_lines=10000 alike_lines=20 alike_tokens=90
else
    sizes=1,2 some=1,2 tokens=8 lines=8 together=4 shortest=4 longest=12 memory_lines=13 alike_lines=3 alike_tokens=6
fi
# Seconds that all of it may take.
limit=${LIMIT:-580}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
export CHATTTS_RS_CACHE=off HF_HUB_OFFLINE=1
for program in chattts-rs parity cuda_memory; do
    gunzip -c "$here/$program.gz" >"$work/$program" || exit 1
    chmod +x "$work/$program"
done
tts=$work/chattts-rs
model=$work/model
# As the card is: what it gets wrong is to be seen here.
card=(-m "$model" --device cuda --backend native)
rows=()
row() { rows+=("$(printf '%-58s %8s  %s' "$1" "$2" "$3")"); }

# part NAME FILE SECONDS COMMAND...: runs a command for so long at most, keeps what it prints, and notes how it ended
# and how long it took.
part() {
    local name=$1 file=$out/$2 most=$3 start=$SECONDS left=$((limit - SECONDS)) code
    shift 3
    printf '\n== %s\n' "$name"
    if [ "$left" -lt 5 ]; then
        row "$name" "" "not run: $limit s were over"
        return
    fi
    timeout $((most < left ? most : left)) "$@" >"$file" 2>&1
    code=$?
    cat "$file"
    case $code in
    0) row "$name" "$((SECONDS - start)) s" ok ;;
    124) row "$name" "$((SECONDS - start)) s" "FAILED (cut off)" ;;
    *) row "$name" "$((SECONDS - start)) s" "FAILED ($code)" ;;
    esac
}

part "devices" devices.txt 30 "$tts" devices
part "every kernel beside its twin" kernels.txt 60 "$tts" devices --check
part "golden cases in f32 on the card, token by token" parity.txt 90 \
    env CHATTTS_RS_TEST_DEVICE=cuda "$work/parity" --test-threads 1
part "weights of the published shapes" demo.txt 60 "$tts" model noise "$model" --size "$size"
# Lines one by one, and together with each switch in turn: all must speak the same bytes.
alike() {
    local setting sums=() sum
    for i in $(seq "$alike_lines"); do echo "这是第${i}行，今天天气很好。"; done >"$work/alike.txt"
    for setting in alone=1 together=on CHATTTS_RS_GRAPHS=off CHATTTS_RS_STEPS_AHEAD=1 CHATTTS_RS_STEPS_AHEAD=5 \
        CHATTTS_RS_OVERLAP=off CHATTTS_RS_FUSED_NORMS=off CHATTTS_RS_SHARED_TILES=off; do
        env "$setting" "$tts" synth -q "${card[@]}" --batch-size "$([ "$setting" = alone=1 ] && echo 1 || echo "$alike_lines")" \
            -f "$work/alike.txt" --out-dir "$work/alike" --seed 1 --min-tokens "$alike_tokens" --max-tokens "$alike_tokens"
        sum=$(cat "$work"/alike/*.wav | sha256sum | cut -c1-16)
        sums+=("$sum")
        echo "$sum $(ls "$work/alike" | grep -c wav) lines, $setting"
        [ "$(ls "$work"/alike/*.wav | wc -l)" = "$alike_lines" ] || return 1
        rm -rf "$work/alike"
    done
    [ "$(printf '%s\n' "${sums[@]}" | sort -u | wc -l)" = 1 ]
}
export -f alike
export work tts alike_lines alike_tokens
card_words="${card[*]}" part "the same bytes with each switch, alone and together" alike.txt 100 \
    bash -c 'card=($card_words); alike'
part "steps in f16, kernel by kernel: $sizes texts" profile.txt 90 \
    "$tts" bench --profile "${card[@]}" --dtype f16 --batch-size "$sizes" --tokens "$tokens"
part "speed in f16: $sizes texts" speed-f16.txt 120 \
    "$tts" bench "${card[@]}" --dtype f16 --batch-size "$sizes" --tokens "$tokens" --runs 3

# Lines of many lengths, so that places in the batch become free one by one.
for i in $(seq 1 "$lines"); do
    count=$((shortest + i * 37 % (longest - shortest + 1)))
    printf '{"text": "这是第%d行，今天天气很好，我们去公园走走。", "min_tokens": %d, "max_tokens": %d}\n' "$i" "$count" "$count"
done >"$work/lines.jsonl"
# What is cut short, as it is here, ends with 1; that it is there is what counts.
made='"${@:2}"; [ -e "$1" ]'
last=$(printf '%05d' $((lines - 1)))
part "$lines lines to WAV files, $together at once" lines.txt 90 bash -c "$made" made "$work/out/$last.wav" \
    "$tts" synth -v "${card[@]}" --dtype f16 --batch-size "$together" --json-input -f "$work/lines.jsonl" \
    --out-dir "$work/out" --seed 1
rm -rf "$work/out"

# The Python program on the same card.
if [ -n "${CHATTTS_RS_WHEELS:-}" ]; then
    python3 -m pip install --quiet --no-index --no-deps --target "$work/wheels" "$CHATTTS_RS_WHEELS"/*.whl
    export PYTHONPATH=$work/wheels${PYTHONPATH:+:$PYTHONPATH}
fi
if python3 -c 'import ChatTTS, torch; assert torch.cuda.is_available()' 2>"$out/reference.txt"; then
    part "beside the Python program: 1 and 8 texts" reference.txt 150 python3 benches/reference.py --ours "$tts" \
        --model "$model" --device cuda --batch 8 --rounds 2
else
    tail -n 1 "$out/reference.txt"
    row "beside the Python program: 1 and 8 texts" "" "not run: no ChatTTS with PyTorch and CUDA"
fi

# switches ROUNDS COMMAND...: the command with each setting in turn; a line for each: setting, texts, steps a second.
switches() {
    local rounds=$1 round setting
    shift
    for round in $(seq "$rounds"); do
        for setting in as-it-is=on CHATTTS_RS_GRAPHS=off CHATTTS_RS_STEPS_AHEAD=1 CHATTTS_RS_OVERLAP=off \
            CHATTTS_RS_FUSED_NORMS=off CHATTTS_RS_SHARED_TILES=off; do
            env "$setting" "$@" --batch-size "$some" | awk -v s="$setting" '/^f16/ { print s, $2, $7 }'
        done
        env CHATTTS_RS_GRAPHS=off CHATTTS_RS_STEPS_AHEAD=1 "$@" --batch-size "$some" |
            awk '/^f16/ { print "both", $2, $7 }'
    done | sort -s -k2,2n -k1,1 -k3,3n | awk '
        { key = $1 " " $2; if (!(key in count)) order[++keys] = key; values[key, ++count[key]] = $3 }
        END {
            for (i = 1; i <= keys; i++) {
                n = count[order[i]]
                middle[order[i]] = (values[order[i], int((n + 1) / 2)] + values[order[i], int((n + 2) / 2)]) / 2
            }
            for (i = 1; i <= keys; i++) {
                split(order[i], word, " ")
                ratio = middle[order[i]] / middle["as-it-is=on " word[2]]
                printf "%-26s %4s texts %9.1f steps/s %6.3f (%d rounds)\n", word[1], word[2], middle[order[i]], ratio, count[order[i]]
                rows++
            }
            exit rows == 0
        }'
}
export -f switches
export some
part "each switch off, in turn: $some texts" switches.txt 150 bash -c 'switches "$@"' switches 2 \
    "$tts" bench -q "${card[@]}" --dtype f16 --tokens "$tokens" --runs 1
for start in first second; do
    rm -f "$work/a.wav"
    part "$start start: load, two tokens, exit" "start-$start.txt" 30 bash -c "$made" made "$work/a.wav" "$tts" synth \
        -v "${card[@]}" --batch-size 1 -t "你好" --seed 1 --min-tokens 2 --max-tokens 2 -o "$work/a.wav"
done
part "f32, f16, bf16, q8 beside f32 on the processor, by layer" precision.txt 90 \
    "$tts" bench --precision "${card[@]}" --tokens 48
part "speed in q8, bf16 and f32: $some texts" speed-others.txt 90 \
    "$tts" bench "${card[@]}" --dtype q8,bf16,f32 --batch-size "$some" --tokens "$tokens" --runs 2
# An emulated card counts its memory itself.
[ -n "${CHATTTS_RS_EMULATED_CARDS:-}" ] || export CHATTTS_RS_TEST_DEVICE=cuda
part "loaded and dropped 50 times, $memory_lines lines, memory as before" memory.txt 120 \
    env CHATTTS_RS_TEST_LINES="$memory_lines" "$work/cuda_memory"

# Voices of seeds on a card: what we draw, and what PyTorch draws there, if it is there. A speaker is
# normal · std + mean, so ratios of differences between three seeds are those of the normals alone.
if python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
    for seed in 1 2222 4099; do "$tts" roles export "cuda:$seed" >"$work/voice-$seed"; done
    part "cuda:N voices beside PyTorch's generator" voices.txt 60 python3 - "$work" <<'PYTHON'
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
    row "cuda:N voices beside PyTorch's generator" "" "not run: no PyTorch with CUDA"
fi

printf '\n== %s, %s, %d s in all\n' "$("$tts" --version)" "$(sed -n 1p "$out/devices.txt")" "$SECONDS"
printf '%s\n' "${rows[@]}"

# Columns of the tables above, turned: a column for each number of texts.
cd "$out" && touch profile.txt speed-f16.txt lines.txt
grep -h -m1 "^measured at most" profile.txt
turned() {
    awk -v column="$2" -v title="$3" '/^f16/ && NF >= column { line = line " " $column " |"; found = 1 }
        END { if (found) print "| " title " |" line }' "$1"
}
{
    # Below the profile's first table no line begins with a type.
    turned profile.txt 2 "f16, texts at once" && echo "|---|$(awk '/^f16/ { printf "--:|" }' profile.txt)"
    turned speed-f16.txt 7 "tokens per second"
    turned profile.txt 4 "a step, µs"
    turned profile.txt 7 "what it must take, µs"
    turned profile.txt 8 "step ÷ that"
    turned speed-f16.txt 12 "seconds of audio a second"
    turned speed-f16.txt 5 "a prompt, ms"
    turned speed-f16.txt 13 "first sound of a stream, s"
} | tee table.md
grep -hs "tokens in" lines.txt
grep -hs "^|" reference.txt
cat switches.txt 2>/dev/null
grep -hsE "^(q8|bf16|f32)" speed-others.txt
! printf '%s\n' "${rows[@]}" | grep -q FAILED
