#!/bin/sh
# A telephone menu from a here-document: one prompt a line in, one 8 kHz WAV file a line out, and a list
# that says which file holds which prompt.
#
#   examples/pipeline.sh [MODEL] [DIR]
set -eu
model=${1:-demo}
dir=${2:-menu}

mkdir -p "$dir"
cat > "$dir/prompts.txt" <<'END'
欢迎致电，请选择语言。
Welcome, please choose a language.
请稍候，正在为您转接。
END

# The paths of finished files come on standard output as lines are finished; sorted, they are in line order.
chattts-rs synth --model "$model" --file "$dir/prompts.txt" --out-dir "$dir" \
    --sample-rate 8000 --seed 42 --quiet |
    sort | paste - "$dir/prompts.txt" > "$dir/index.tsv"

cat "$dir/index.tsv"
