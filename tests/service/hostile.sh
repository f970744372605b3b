#!/usr/bin/env bash
# Sends a service that runs what nobody should send: none of its answers may be a fault of its own.
#
#     chattts-rs serve --model noise --max-tokens 20 --port 8000 &
#     pip install schemathesis==4.32.5
#     tests/service/hostile.sh http://127.0.0.1:8000
set -euo pipefail
address=${1:?where it listens, such as http://127.0.0.1:8000}
export PYTHONPATH="${0%/*}" SCHEMATHESIS_HOOKS=hostile
# One worker: Python 3.11 miscounts the depth of its parser where several threads parse at once.
exec schemathesis run "$address/openapi.json" --url "$address" --seed 1 --workers 1 --max-examples "${2:-40}" \
    --checks not_a_server_error --phases examples,coverage,fuzzing --max-failures 5
