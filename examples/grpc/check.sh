#!/usr/bin/env bash
# The example of gRPC in Go, with Debian's packages alone:
#
#     apt-get install protobuf-compiler protoc-gen-go protoc-gen-go-grpc \
#         golang-google-grpc-dev golang-google-protobuf-dev golang-github-golang-protobuf-1-5-dev
#     examples/grpc/check.sh generate     writes chatttsv1 from the proto
#     examples/grpc/check.sh build        builds build/speak
#     examples/grpc/check.sh target/release/chattts-rs
#                                         checks that chatttsv1 is current, builds, and speaks through a service
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

generate() {
    protoc -I "$here/../../src/service/grpc/proto" --go_out="$1" --go-grpc_out="$1" \
        --go_opt=paths=source_relative --go-grpc_opt=paths=source_relative \
        --go_opt=Mchattts/v1/tts.proto=chattts/chatttsv1 --go-grpc_opt=Mchattts/v1/tts.proto=chattts/chatttsv1 \
        chattts/v1/tts.proto
}

build() {
    (cd "$here" && GO111MODULE=off GOPATH=/usr/share/gocode go build -o build/speak .)
}

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
case ${1:-} in
generate)
    generate "$made"
    cp "$made"/chattts/v1/*.go "$here/chatttsv1/"
    ;;
build)
    build
    ;;
*)
    generate "$made"
    diff -r "$made/chattts/v1" "$here/chatttsv1"
    test -z "$(gofmt -l "$here")"
    build
    "$1" serve --model demo --port 0 2>"$made/log" &
    service=$!
    trap 'kill $service; rm -rf "$made"' EXIT
    address=
    for _ in $(seq 60); do
        address=$(sed -n 's|^ready at http://\([^ ]*\) .*|\1|p' "$made/log")
        if [ -n "$address" ]; then break; fi
        sleep 1
    done
    "$here/build/speak" "$address" 'Hello there.' "$made/hello.pcm"
    "$1" synth --model demo -t 'Hello there.' --seed 7 --stream --format raw >"$made/expected.pcm"
    cmp "$made/hello.pcm" "$made/expected.pcm"
    echo "what comes over gRPC is what synth speaks"
    ;;
esac
