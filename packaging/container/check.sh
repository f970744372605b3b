#!/usr/bin/env bash
# Builds the image of a release on a base that mmdebstrap makes, so that no registry is asked, looks at what is in it, and
# runs it read-only, without capabilities, as nobody, in bounded memory:
#
#     packaging/container/check.sh RELEASE_DIR [BASE.tar]
#
# It takes buildah, podman, runc and, unless a base is given, mmdebstrap; and root, or a user with subordinate ids.
set -euo pipefail
release=$(realpath "${1:?the folder that packaging/release.sh made}")
base=${2:-}
here=$(dirname "$(realpath "$0")")
for tool in buildah podman runc; do
    command -v $tool >/dev/null || { echo "$tool is missing: apt-get install buildah podman runc mmdebstrap" >&2; exit 1; }
done
dir=$(mktemp -d)
name=chattts-check-$$
# Storage of its own, of plain folders, which any kernel has.
export CONTAINERS_STORAGE_CONF=$dir/storage.conf
printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$dir/graph" "$dir/run" >"$CONTAINERS_STORAGE_CONF"
podman() { command podman --runtime runc --cgroup-manager cgroupfs --events-backend file "$@"; }
stop() {
    podman rm --force --time 5 $name >/dev/null 2>&1 || true
    buildah rm --all >/dev/null 2>&1 || true
    buildah umount --all >/dev/null 2>&1 || true
    rm -rf "$dir"
}
trap stop EXIT
fail() { echo "$*" >&2; podman logs $name >&2 2>/dev/null || true; exit 1; }

if [ -z "$base" ]; then
    base=$dir/base.tar
    mmdebstrap --quiet --variant=essential bookworm "$base"
fi
container=$(buildah from scratch)
buildah add --quiet "$container" "$base" / >/dev/null
buildah commit --quiet "$container" localhost/base >/dev/null

cp "$release"/chattts-rs-*.tar.gz "$dir"
mkdir "$dir/context" && mv "$dir"/chattts-rs-*.tar.gz "$dir/context"
for variant in cpu cuda; do
    buildah build --quiet --isolation chroot --format docker --build-arg BASE=localhost/base --build-arg VERSION=check \
        --build-arg VARIANT=$variant --file "$here/Containerfile" --tag localhost/chattts-rs:$variant "$dir/context" >/dev/null
done

inspected=$(buildah inspect --type image localhost/chattts-rs:cpu)
for wanted in '"User": "10001:10001"' '"org.opencontainers.image.version": "check"' '"Healthcheck"' '"StopSignal": "SIGTERM"'; do
    grep -qF "$wanted" <<<"$inspected" || fail "the image lacks $wanted"
done
buildah inspect --type image localhost/chattts-rs:cuda | grep -qF NVIDIA_VISIBLE_DEVICES=all || fail "no cards in the image for cards"
container=$(buildah from localhost/chattts-rs:cpu)
tree=$(buildah mount "$container")
size=$(du -sm "$tree" | cut -f1)
[ "$size" -lt 120 ] || fail "the image has $size MB"
if find "$tree" -type f -perm /111 | grep -vE '/usr/bin/chattts-rs$|\.so(\.|$)'; then fail "there is more that can be run"; fi
if find "$tree" -perm /6000 | grep .; then fail "there are set-user-id files"; fi
echo "the image: $size MB"; (cd "$tree" && find . -type f -size +100k -printf '%s %p\n' | sort -rn)

podman run --detach --name $name --no-healthcheck --ulimit "nofile=$(ulimit -n):$(ulimit -Hn)" \
    --ulimit nproc=1024:1024 --read-only --cap-drop=all --security-opt=no-new-privileges --memory=2g \
    --pids-limit=256 --tmpfs /tmp:size=64m --network=host localhost/chattts-rs:cpu \
    serve --model demo --port 18765 >/dev/null
address=http://127.0.0.1:18765
for _ in $(seq 100); do
    if podman exec $name /usr/bin/chattts-rs status $address >/dev/null 2>&1; then ready=1; break; fi
    sleep 0.3
done
[ "${ready:-}" = 1 ] || fail "it is never ready"
curl -sSf $address/v1/audio/speech -H 'Content-Type: application/json' \
    -d '{"input": "Hello there.", "voice": "alloy", "response_format": "wav"}' -o "$dir/hello.wav"
[ "$(stat -c %s "$dir/hello.wav")" -gt 10000 ] || fail "it does not speak"
process=$(podman inspect --format '{{.State.Pid}}' $name)
grep -E '^(Uid|CapEff|NoNewPrivs|Seccomp):' "/proc/$process/status"
grep -q "^CapEff:.0000000000000000" "/proc/$process/status" || fail "it has capabilities"
grep -q "^Uid:.10001" "/proc/$process/status" || fail "it is not the user that the image names"
grep -qE '^[^ ]+ / [^ ]+ ro[, ]' "/proc/$process/mounts" || fail "its root can be written to"
podman stop --time 40 $name >/dev/null
code=$(podman inspect --format '{{.State.ExitCode}}' $name)
[ "$code" = 0 ] || [ "$code" = 143 ] || fail "it ended with $code"
echo "the service ended with $code"

# Two batches at once, of a model that nobody can write to, into one folder.
mkdir "$dir/data" && chown 10001:10001 "$dir/data"
tar -xOf "$dir"/context/*.tar.gz --wildcards '*/bin/chattts-rs' >"$dir/chattts-rs" && chmod +x "$dir/chattts-rs"
"$dir/chattts-rs" model demo "$dir/model" >/dev/null
seq -f 'Line %g, if you please.' 24 >"$dir/data/lines.txt"
batch() {
    podman run --rm --name "$name-$1" --no-healthcheck --ulimit "nofile=$(ulimit -n):$(ulimit -Hn)" --ulimit nproc=1024:1024 \
        --read-only --cap-drop=all --security-opt=no-new-privileges --memory=2g --tmpfs /tmp:size=64m --network=none \
        --volume "$dir/model:/models/voice:ro" --volume "$dir/data:/data" localhost/chattts-rs:cpu \
        synth --quiet --model /models/voice --file lines.txt --out-dir out --shard "$1/2" >/dev/null
}
batch 0 & first=$!
batch 1
wait $first
[ "$(find "$dir/data/out" -name '*.wav' | wc -l)" = 24 ] || fail "two batches left $(ls "$dir/data/out")"
"$dir/chattts-rs" status "$dir/data/out"
echo passed
