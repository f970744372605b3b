#!/bin/sh
# Prints what a Go build with libchattts needs in its environment, on Linux, macOS and WSL:
#
#     eval "$(go/env.sh)"                   libchattts as it is installed
#     eval "$(go/env.sh /opt/chattts)"      installed below a folder of its own
#     eval "$(go/env.sh target/release)"    as cargo built it: cargo build --release
#
# The library's folder goes into the program, which then finds it without LD_LIBRARY_PATH.
set -eu

fail() {
    echo "env.sh: $*" >&2
    exit 1
}

quote() {
    printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"
}

# On WSL the search path leads to programs of Windows too, which know nothing of this system.
of_this_system() {
    found=$(command -v "$1" 2>/dev/null) || return 1
    case $found in
    /mnt/?/*) [ -x "/usr/bin/$1" ] && found=/usr/bin/$1 || return 1 ;;
    esac
    printf %s "$found"
}

case $(uname -s) in
Darwin) library=libchattts.dylib ;;
Linux) library=libchattts.so ;;
*) fail "this is $(uname -s); on Windows it runs inside WSL" ;;
esac
pkg_config=$(of_this_system pkg-config) || pkg_config=$(of_this_system pkgconf) ||
    fail "pkg-config is not here: apt-get install pkg-config, or brew install pkgconf"
compiler=$(of_this_system "${CC:-cc}") || fail "no C compiler is here: apt-get install gcc, or xcode-select --install"

if [ $# -gt 0 ]; then
    [ -d "$1" ] || fail "$1: no such folder"
    folder=$(cd "$1" && pwd)
    for place in "$folder/lib/pkgconfig" "$folder/lib64/pkgconfig" \
        "$folder/lib/$("$compiler" -dumpmachine)/pkgconfig" "$folder/pkgconfig" "$folder"; do
        if [ -e "$place/chattts.pc" ]; then
            break
        fi
    done
    # Cargo builds the library, and says nothing about it to pkg-config.
    header=$(cd "$(dirname "$0")/.." && pwd)/src/capi
    if [ "$place" = "$folder" ] && [ -e "$folder/$library" ] && [ -e "$header/chattts.h" ] &&
        { [ ! -e "$folder/chattts.pc" ] || grep -q "where cargo built it" "$folder/chattts.pc"; }; then
        printf '%s\n' 'Name: chattts' 'Description: ChatTTS, where cargo built it' 'Version: 0' \
            "Libs: -L\"$folder\" -lchattts" "Cflags: -I\"$header\"" >"$folder/chattts.pc"
    fi
    [ -e "$place/chattts.pc" ] || fail "$1: no chattts.pc below it, and no $library in it"
    PKG_CONFIG_PATH=$place${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
    export PKG_CONFIG_PATH
fi
"$pkg_config" --exists chattts || fail "pkg-config does not find chattts; name the folder in which it was installed or built"

flags=
for flag in $("$pkg_config" --libs-only-L chattts | sed 's/\\ /\\040/g'); do
    # Go takes quotes around a flag in which there is a space.
    flags="$flags \"-Wl,-rpath,$(printf %b "${flag#-L}")\""
done

echo "export CGO_ENABLED=1"
echo "export CC=$(quote "$compiler")"
echo "export PKG_CONFIG=$(quote "$pkg_config")"
[ -z "${PKG_CONFIG_PATH:-}" ] || echo "export PKG_CONFIG_PATH=$(quote "$PKG_CONFIG_PATH")"
[ -z "$flags" ] || echo "export CGO_LDFLAGS=$(quote "${CGO_LDFLAGS:--O2 -g}$flags")"
