#!/bin/sh
# Calls the compiler for cargo, with the instruments of libFuzzer for the crate and its targets alone.
rustc=$1
shift
name=
for word; do
    [ "$last" = --crate-name ] && name=$word
    last=$word
done
case $name in
chattts_rs | chattts_rs_fuzz | all)
    set -- "$@" --cfg fuzzing -Cpasses=sancov-module \
        -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
        -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
        -Cllvm-args=-simplifycfg-branch-fold-threshold=0
    ;;
esac
exec "$rustc" "$@"
