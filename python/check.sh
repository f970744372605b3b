#!/bin/sh
# Builds the wheel, installs it into a fresh environment below a folder, and runs the tests there:
#
#     python/check.sh target/wheel
#
# CHATTTS_RS_BUILT names a folder with the program and the library if cargo need not build them.
set -eu
[ $# -eq 1 ] || { echo "usage: check.sh FOLDER" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
if [ -n "${CHATTTS_RS_BUILT:-}" ]; then
    CHATTTS_RS_BUILT=$(cd "$CHATTTS_RS_BUILT" && pwd)
    export CHATTTS_RS_BUILT
fi
rm -rf "$folder/env" "$folder"/*.whl
python3 -m venv "$folder/env"
"$folder/env/bin/pip" wheel --quiet --no-deps --wheel-dir "$folder" "$here"
"$folder/env/bin/pip" install --quiet "$folder"/*.whl
ls -l "$folder"/*.whl
# Not in the clone, whose package has no library.
cd "$folder"
env/bin/python -B -m unittest discover -s "$here/tests"
