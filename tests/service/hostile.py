"""Tells schemathesis how JSON Lines are written; hostile.sh names this file to it."""

import json

import schemathesis


@schemathesis.serializer("application/jsonl")
def json_lines(_, value):
    if isinstance(value, (bytes, str)):
        return value.encode() if isinstance(value, str) else value
    lines = value if isinstance(value, list) else [value]
    return "\n".join(json.dumps(line) for line in lines).encode("utf-8", "surrogateescape")
