#!/usr/bin/env bash
# Makes a release of the commit that is checked out twice, from clones in two folders, and tries what is in it:
#
#     packaging/release/check.sh
#
# All files are the same to the byte and run with glibc 2.31; the program, the library, the package and the wheel speak.
# With CHATTTS_RS_BUILT, which names a folder with the program and the library, nothing is compiled, and what compiling
# adds is not compared. It says what lintian, where it is installed, finds in the package.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/../.."
[ $# -eq 0 ] || { sed -n '2,8s/^# \?//p' "packaging/release/check.sh"; exit 2; }
if [ -n "${CHATTTS_RS_BUILT:-}" ]; then
    CHATTTS_RS_BUILT=$(realpath "$CHATTTS_RS_BUILT")
    export CHATTTS_RS_BUILT
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fail() { echo "$*" >&2; exit 1; }

for clone in one another/and-deeper; do
    git clone --quiet . "$dir/$clone"
    "$dir/$clone/packaging/release.sh" "$dir/out-${clone%%/*}" >"$dir/log" || { cat "$dir/log" >&2; exit 1; }
    # What is compiled twice fills the disk twice.
    rm -rf "${dir:?}/$clone/target/dist/release"
done
cat "$dir/log"
diff -r "$dir/out-one" "$dir/out-another" || fail "two builds of one commit differ"

cd "$dir/out-one"
sha256sum --quiet -c SHA256SUMS
if [ -z "${CHATTTS_RS_BUILT:-}" ]; then
    oldest=$(sed -n 's/^for glibc \(.*\) and newer$/\1/p' "$dir/log")
    [ "$(printf '%s\n' "$oldest" 2.31 | sort -V | tail -1)" = 2.31 ] || fail "it needs glibc $oldest"
fi
if tar -xOf ./*.tar.gz | LC_ALL=C grep -a -m1 -oE "$dir/[a-z/-]*"; then fail "the build's folder is in the release"; fi
speaks() {
    rm -f "$dir/a.wav"
    "$@" synth --quiet --model demo --text "Hello." --out "$dir/a.wav" >/dev/null
    [ "$(stat -c %s "$dir/a.wav")" -gt 10000 ] || fail "$1 does not speak"
}

mkdir "$dir"/{tar,deb}
tar -xf ./*.tar.gz -C "$dir/tar" --strip-components 1
speaks "$dir/tar/bin/chattts-rs"
cc "$dir/one/examples/speak.c" "-I$dir/tar/include" "-L$dir/tar/lib" -lchattts "-Wl,-rpath,$dir/tar/lib" -o "$dir/speak"
"$dir/speak" "Hello." "$dir/c.wav"
[ -s "$dir/c.wav" ] || fail "the library does not speak"
for page in chattts-rs chattts-rs-synth; do
    [ -s "$dir/tar/share/man/man1/$page.1" ] || fail "there is no manual page $page"
done

dpkg-deb --info ./*.deb | sed -n '/Depends/p'
dpkg -x ./*.deb "$dir/deb"
speaks "$dir/deb/usr/bin/chattts-rs"
(cd "$dir/deb" && dpkg-deb --ctrl-tarfile "$dir"/out-one/*.deb | tar -xO ./md5sums | md5sum --quiet -c)

python3 -m venv "$dir/env"
"$dir/env/bin/pip" install --quiet ./*.whl
speaks "$dir/env/bin/chattts-rs"
"$dir/env/bin/python" -c 'import chattts_rs; assert len(chattts_rs.TTS("demo").synthesize("Hello.")[0]) > 1000'

if command -v lintian >/dev/null; then
    lintian --fail-on error ./*.deb || fail "lintian finds errors"
fi
echo "passed: a release of $(du -ch -- * | tail -1 | cut -f1)"
