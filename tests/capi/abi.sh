#!/bin/sh
# Compares the functions and structures of chattts.h with the published ones, chattts.abi beside this file,
# by libabigail (Debian's abigail-tools):
#
#     tests/capi/abi.sh            fails, and says why, if a program compiled before would break
#     tests/capi/abi.sh --write    publishes what the header says now
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# A library of the same face, with nothing behind it: the types of the real one are Rust's.
{
    printf '#include <stdlib.h>\n#include "chattts.h"\n'
    awk '/^[a-z].*chattts_[a-z_]*\(/ && !/^typedef/ { inside = 1 }
        inside { if (sub(/\);$/, ") { abort(); }")) inside = 0; else if (/;/) exit 1; print; if (!inside) print "" }' \
        "$here/../../src/capi/chattts.h"
} >"$folder/face.c"
"${CC:-cc}" -std=c99 -g -shared -fPIC -fdebug-prefix-map="$folder"=. -I"$here/../../src/capi" "$folder/face.c" -o "$folder/libchattts.so"
if [ "${1:-}" = --write ]; then
    abidw --no-show-locs --no-corpus-path --no-comp-dir-path "$folder/libchattts.so" --out-file "$here/chattts.abi"
else
    abidiff --no-added-syms --no-show-locs "$here/chattts.abi" "$folder/libchattts.so"
fi
