#!/usr/bin/env bash
# Everything that only a machine with an NVIDIA card can tell: first whether the card computes what it should, then, if
# it does, how fast, in under ten minutes and one table.
#
#   benches/gpu.sh pack [FEATURES]     builds what it needs into gpu-bench/all.tar.xz (no card needed; under 64 MiB)
#   benches/gpu.sh [FOLDER] [STAGE]    runs it: `correct` (200 s at most), `fast` (350 s), or both
#
# A machine that has none of this needs gpu-bench/ (which git ignores), benches/ and tests/fixtures/ of the tree, nothing
# else. The weights are random ones of the published shapes, made there, which cost as much to compute. FOLDER (default:
# gpu-results) holds table.md afterwards, as the README has it, and all.tar.gz with what each part printed.
#
# Where something is not correct, the same is tried without each of the switches in turn, which says what is at fault,
# and nothing is timed. CHATTTS_RS_WHEELS=DIR installs the wheels in DIR, beside the PyTorch that is there, for the
# comparison with the Python program. To try the script itself, on an emulated card: `benches/gpu.sh pack cuda-emulator`,
# and then `CHATTTS_RS_EMULATED_CARDS=1 SIZE=tiny benches/gpu.sh`.
set -uo pipefail
cd "$(dirname "$0")/.."
here=$PWD/gpu-bench

if [ "${1:-}" = pack ]; then
    set -e
    features=${2:-cuda}
    # Source lines, for what the sanitizer and the profiler find.
    export NVCC_APPEND_FLAGS=-lineinfo
    rm -rf "$here"
    mkdir -p "$here/bin"
    cargo build --release --locked --features "$features"
    programs=$(cargo test --release --locked --features "$features" --no-run --test parity --test cuda_memory 2>&1 |
        sed -n 's/.*Executable.*(\(.*\))/\1/p')
    cp target/release/chattts-rs "$here/bin/"
    for program in $programs; do
        name=$(basename "$program")
        cp "$program" "$here/bin/${name%-*}"
    done
    strip "$here"/bin/*
    # The programs have most of their bytes in common, which a window of 64 MiB finds.
    tar -C "$here/bin" -c . | xz -9 >"$here/all.tar.xz"
    rm -r "$here/bin"
    du -h "$here/all.tar.xz"
    exit
fi

out=${1:-gpu-results}
stage=${2:-both}
size=${SIZE:-full}
if [ "$size" = full ]; then
    sizes=1,8,64,256 some=1,64 tokens=256 lines=512 together=256 shortest=60 longest=420 memory_lines=10000
    alike_lines=20 alike_tokens=90 sweep=1,2,4,8,9,16,17,32,64,128,256 lengths="100 500 1600" graphs=200
else
    sizes=1,2 some=1,2 tokens=8 lines=8 together=4 shortest=4 longest=12 memory_lines=13
    alike_lines=3 alike_tokens=6 sweep=1,3 lengths="8 16" graphs=3
fi
mkdir -p "$out/parts"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
# Whatever happens, what was found comes back.
pack_up() {
    tar -C "$out" -czf "$work/all.tar.gz" parts && mv "$work/all.tar.gz" "$out/all.tar.gz" && rm -r "$out/parts"
    rm -rf "$work"
}
trap pack_up EXIT
trap 'exit 1' INT TERM
export CHATTTS_RS_CACHE=off HF_HUB_OFFLINE=1
python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), sys.stdout.buffer)' "$here/all.tar.xz" |
    tar -C "$work" -x || exit 1
tts=$work/chattts-rs
model=$work/model
# As the card is: what it gets wrong is to be seen here.
card=(-m "$model" --device cuda --backend native)
rows=()
failed=()
row() { rows+=("$(printf '%-62s %6s  %s' "$1" "$2" "$3")"); }

# part NAME FILE SECONDS COMMAND...: runs a command for so long at most, keeps what it prints, and notes how it ended
# and how long it took.
part() {
    local name=$1 file=$out/parts/$2 most=$3 start=$SECONDS left=$((limit - SECONDS)) code
    shift 3
    printf '\n== %s\n' "$name"
    if [ "$left" -lt 5 ]; then
        row "$name" "" "not run: the time was over"
        return 1
    fi
    timeout $((most < left ? most : left)) "$@" >"$file" 2>&1
    code=$?
    tail -c 6000 "$file"
    case $code in
    0) row "$name" "$((SECONDS - start)) s" ok && return ;;
    124) row "$name" "$((SECONDS - start)) s" "FAILED (cut off)" ;;
    *) row "$name" "$((SECONDS - start)) s" "FAILED ($code)" ;;
    esac
    failed+=("$file")
    return 1
}

# Lines one by one, and together with each switch in turn: all must speak the same bytes.
switches=(CHATTTS_RS_CLUSTERS=off CHATTTS_RS_OVERLAP=off CHATTTS_RS_SHARED_TILES=off CHATTTS_RS_GRAPHS=off CHATTTS_RS_FUSED_NORMS=off
    CHATTTS_RS_STEPS_AHEAD=1 CHATTTS_RS_STEPS_AHEAD=5)
alike() {
    local setting sums=() sum
    for i in $(seq "$alike_lines"); do echo "这是第${i}行，今天天气很好。"; done >"$work/alike.txt"
    for setting in alone=1 together=on $all_switches; do
        env "$setting" "$tts" synth -q $card_words --batch-size "$([ "$setting" = alone=1 ] && echo 1 || echo "$alike_lines")" \
            -f "$work/alike.txt" --out-dir "$work/alike" --seed 1 --min-tokens "$alike_tokens" --max-tokens "$alike_tokens"
        sum=$(cat "$work"/alike/*.wav | sha256sum | cut -c1-16)
        sums+=("$sum")
        echo "$sum $(ls "$work/alike" | grep -c wav) lines, $setting"
        [ "$(ls "$work"/alike/*.wav | wc -l)" = "$alike_lines" ] || return 1
        rm -rf "$work/alike"
    done
    [ "$(printf '%s\n' "${sums[@]}" | sort -u | wc -l)" = 1 ]
}
# One line spoken over and over on its own: a graph that is replayed must do the same every time.
again() {
    for i in $(seq "$graphs"); do echo "今天天气很好。"; done >"$work/again.txt"
    "$tts" synth -q $card_words --batch-size 4 -f "$work/again.txt" --out-dir "$work/again" --seed 1 --min-tokens 48 --max-tokens 48
    [ "$(ls "$work"/again/*.wav | wc -l)" = "$graphs" ] &&
        [ "$(cd "$work/again" && sha256sum ./*.wav | cut -d' ' -f1 | sort -u | wc -l)" = 1 ]
}
# bisect SECONDS COMMAND...: the command with the switches off one by one, then together; which of them pass.
bisect() {
    local most=$1 setting so_far=()
    shift
    for setting in $all_switches; do
        timeout "$most" env "$setting" "$@" >/dev/null 2>&1 && echo "passes with $setting alone" || echo "fails with $setting alone ($?)"
    done
    for setting in $all_switches; do
        so_far+=("$setting")
        timeout "$most" env "${so_far[@]}" "$@" >/dev/null 2>&1 && { echo "passes with ${so_far[*]}"; return; }
    done
    echo "fails whatever is switched off"
}
export -f alike again bisect
all_switches="${switches[*]}" card_words="${card[*]}"
export all_switches card_words work tts alike_lines alike_tokens graphs
limit=60
part "weights of the published shapes" weights.txt 60 "$tts" model noise "$model" --size "$size" || exit 1

golden=(env CHATTTS_RS_TEST_DEVICE=cuda "$work/parity" --test-threads 1)
correct() {
    limit=$((SECONDS + 200))
    part "devices" devices.json 20 "$tts" devices --json
    "$tts" devices | head -n 1 >"$out/parts/device.txt"
    part "every kernel beside its twin, and whether the card is trusted" kernels.txt 60 "$tts" devices --check
    part "golden cases in f32 by our kernels, token by token" golden.txt 60 "${golden[@]}"
    part "the same bytes with each switch, alone and together" alike.txt 60 bash -c alike
    part "one line $graphs times, the same bytes" again.txt 30 bash -c again
    if [ "${#failed[@]}" -gt 0 ]; then
        limit=$((SECONDS + 100))
        part "what is at fault: golden cases" bisect-golden.txt 60 bash -c 'bisect 8 "$@"' bisect "${golden[@]}"
        part "what is at fault: kernels" bisect-kernels.txt 40 bash -c 'bisect 5 "$@"' bisect "$tts" devices --check
    fi
    # Another way to the same: it may lack a library, which is no fault of ours.
    local lacks name="golden cases in f32 by candle, token by token"
    if ! part "$name" golden-candle.txt 60 env CHATTTS_RS_TEST_BACKEND=candle "${golden[@]}"; then
        unset 'failed[-1]'
        lacks=$(grep -m1 -oE "this build has no candle|[a-zA-Z ]+ was not found" "$out/parts/golden-candle.txt")
        [ -z "$lacks" ] || { unset 'rows[-1]' && row "$name" "" "not run: $lacks"; }
    fi
    local tool
    for tool in memcheck racecheck synccheck initcheck; do
        if ! command -v compute-sanitizer >/dev/null; then
            row "compute-sanitizer $tool" "" "not run: it is not there"
            continue
        fi
        # Slow, so whatever it reaches in its time: what it finds is what it prints.
        part "compute-sanitizer $tool" "sanitizer-$tool.txt" 25 compute-sanitizer --tool "$tool" --error-exitcode 9 \
            "$tts" synth -q -m noise --device cuda --backend native --dtype f16 -t 你好 --max-tokens 16 --min-tokens 16 -o "$work/s.wav"
        if grep -q "ERROR SUMMARY: [1-9]\|RACECHECK SUMMARY: [1-9]" "$out/parts/sanitizer-$tool.txt" 2>/dev/null; then
            row "  $tool found errors" "" "FAILED"
        elif [ "${#failed[@]}" -gt 0 ] && [ "${failed[-1]}" = "$out/parts/sanitizer-$tool.txt" ]; then
            unset 'failed[-1]'
        fi
    done
    [ "${#failed[@]}" = 0 ]
}

# each_switch COMMAND...: the command with each setting; a line for each: setting, texts, steps a second, ratio.
each_switch() {
    for setting in as-it-is=on $all_switches CHATTTS_RS_STEPS_AHEAD=16 CHATTTS_RS_STEPS_AHEAD=32; do
        env "$setting" "$@" --batch-size "$some" | awk -v s="$setting" '/^f16/ { print s, $2, $7 }'
    done | awk '
        $1 == "as-it-is=on" { base[$2] = $3 }
        { printf "%-26s %4s texts %9.1f steps/s %6.3f\n", $1, $2, $3, $3 / base[$2]; rows++ }
        END { exit rows == 0 }'
}
export -f each_switch
export some

fast() {
    limit=$((SECONDS + 350))
    local bench=("$tts" bench "${card[@]}" --dtype f16) made='"${@:2}"; [ -e "$1" ]' last start length
    part "steps in f16, kernel by kernel: $sizes texts" profile.txt 60 \
        "$tts" bench --profile "${card[@]}" --dtype f16 --batch-size "$sizes" --tokens "$tokens"
    part "speed in f16: $sizes texts" speed-f16.txt 80 "${bench[@]}" --batch-size "$sizes" --tokens "$tokens" --runs 3
    # Lines of many lengths, so that places in the batch become free one by one.
    for i in $(seq 1 "$lines"); do
        length=$((shortest + i * 37 % (longest - shortest + 1)))
        printf '{"text": "这是第%d行，今天天气很好，我们去公园走走。", "min_tokens": %d, "max_tokens": %d}\n' "$i" "$length" "$length"
    done >"$work/lines.jsonl"
    # What is cut short, as it is here, ends with 1; that it is there is what counts.
    last=$(printf '%05d' $((lines - 1)))
    part "$lines lines to WAV files, $together at once" lines.txt 60 bash -c "$made" made "$work/out/$last.wav" \
        "$tts" synth -v "${card[@]}" --dtype f16 --batch-size "$together" --json-input -f "$work/lines.jsonl" \
        --out-dir "$work/out" --seed 1
    rm -rf "$work/out"
    part "candle beside our kernels: $some texts" candle.txt 60 "$tts" bench -m "$model" --device cuda \
        --backend native,candle --dtype f16 --batch-size "$some" --tokens "$((tokens / 2))" --runs 2
    for start in first second; do
        rm -f "$work/a.wav"
        part "$start start: load, two tokens, exit" "start-$start.txt" 20 bash -c "$made" made "$work/a.wav" "$tts" synth \
            -v "${card[@]}" --batch-size 1 -t "你好" --seed 1 --min-tokens 2 --max-tokens 2 -o "$work/a.wav"
    done
    part "sweep: $sweep texts" sweep.txt 40 \
        "$tts" bench --profile "${card[@]}" --dtype f16 --batch-size "$sweep" --tokens "$((tokens / 4))" --runs 3
    for length in $lengths; do
        part "sweep: $length steps a line, $some texts" "sweep-$length.txt" 25 \
            "$tts" bench --profile "${card[@]}" --dtype f16 --batch-size "$some" --tokens "$length" --runs 1 --warm-up 1
    done
    if command -v ncu >/dev/null; then
        for rows_at_once in ${sizes//,/ }; do
            # Behind the prompt's launches: a step's worth of each kernel.
            part "ncu, $rows_at_once texts" "ncu-$rows_at_once.txt" 30 env CHATTTS_RS_GRAPHS=off ncu --clock-control none \
                --launch-skip 400 --launch-count 24 --section SpeedOfLight --section WarpStateStats --section LaunchStats \
                "$tts" bench "${card[@]}" --dtype f16 --batch-size "$rows_at_once" --tokens 16 --runs 1 --warm-up 0
        done
    else
        row "ncu" "" "not run: it is not there"
    fi
    part "each switch off: $some texts" switches.txt 80 bash -c 'each_switch "$@"' each_switch \
        "$tts" bench -q "${card[@]}" --dtype f16 --tokens "$((tokens / 2))" --runs 1
    part "f32, f16, bf16, q8, f16-kv8 beside f32 on the processor, by layer" precision.txt 60 \
        "$tts" bench --precision "${card[@]}" --tokens 48
    part "speed in f16-kv8, q8, bf16 and f32: $some texts" speed-others.txt 80 \
        "$tts" bench "${card[@]}" --dtype f16-kv8,q8,bf16,f32 --batch-size "$some" --tokens "$tokens" --runs 2
    # An emulated card counts its memory itself.
    [ -n "${CHATTTS_RS_EMULATED_CARDS:-}" ] || export CHATTTS_RS_TEST_DEVICE=cuda
    part "loaded and dropped 50 times, $memory_lines lines, memory as before" memory.txt 120 \
        env CHATTTS_RS_TEST_LINES="$memory_lines" "$work/cuda_memory"
    part "every kernel as PTX, which the driver compiles" ptx.txt 60 env CUDA_FORCE_PTX_JIT=1 "$tts" devices --check
    voices
    # The Python program on the same card, where it is.
    if [ -n "${CHATTTS_RS_WHEELS:-}" ]; then
        python3 -m pip install --quiet --no-index --no-deps --target "$work/wheels" "$CHATTTS_RS_WHEELS"/*.whl
        export PYTHONPATH=$work/wheels${PYTHONPATH:+:$PYTHONPATH}
    fi
    if python3 -c 'import ChatTTS, torch; assert torch.cuda.is_available()' 2>"$out/parts/reference.txt"; then
        part "beside the Python program: 1 and 8 texts" reference.txt 150 python3 benches/reference.py --ours "$tts" \
            --model "$model" --device cuda --dtype f16,candle-f16 --batch 8 --rounds 2
    else
        row "beside the Python program: 1 and 8 texts" "" "not run: no ChatTTS with PyTorch and CUDA"
    fi
}

# Voices of seeds on a card: what we draw, and what PyTorch draws there, if it is there. A speaker is
# normal · std + mean, so ratios of differences between three seeds are those of the normals alone.
voices() {
    local name="cuda:N voices beside PyTorch's generator"
    if ! python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
        row "$name" "" "not run: no PyTorch with CUDA"
        return
    fi
    for seed in 1 2222 4099; do "$tts" roles export "cuda:$seed" >"$work/voice-$seed"; done
    part "$name" voices.txt 40 python3 - "$work" <<'PYTHON'
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
}

ok=true
case $stage in
correct) correct || ok=false ;;
fast) fast ;;
both)
    if correct; then
        fast
    else
        ok=false
        row "speed" "" "not run: the card does not compute what it should"
    fi
    ;;
*) echo "$0: $stage: correct, fast and both are known" >&2 && exit 2 ;;
esac

cd "$out/parts" && touch profile.txt speed-f16.txt lines.txt device.txt
printf '\n== %s, %s, %d s in all\n' "$("$tts" --version)" "$(cat device.txt)" "$SECONDS"
printf '%s\n' "${rows[@]}"

# Columns of the tables above, turned: a column for each number of texts.
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
    turned profile.txt 9 "of it on the card, µs"
    turned profile.txt 7 "what it must take, µs"
    turned profile.txt 8 "step ÷ that"
    turned speed-f16.txt 12 "seconds of audio a second"
    turned speed-f16.txt 5 "a prompt, ms"
    turned speed-f16.txt 13 "first sound of a stream, s"
} | tee "$out/table.md"
grep -hs "tokens in" lines.txt
grep -hsE "^(candle )?f16" candle.txt sweep.txt sweep-*.txt
grep -hs "^|" reference.txt
cat switches.txt 2>/dev/null
grep -hsE "^(f16-kv8|q8|bf16|f32)" speed-others.txt
printf '%s\n' "${rows[@]}" >"$out/parts/summary.txt"
$ok && ! printf '%s\n' "${rows[@]}" | grep -q FAILED
