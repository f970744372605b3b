#!/usr/bin/env python3
"""Speaks through a running service with OpenAI's own client.

    chattts-rs serve --model demo --port 8000 &
    pip install -r tests/service/requirements.txt
    python tests/service/clients.py http://127.0.0.1:8000
"""

import base64
import io
import json
import sys
import time
import urllib.request
import wave

import openai

address = sys.argv[1].rstrip("/")
key = sys.argv[2] if len(sys.argv) > 2 else "none"
client = openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)
seeded = {"extra_body": {"seed": 7}}


def check(name, passed, told=""):
    print(("ok    " if passed else "FAILED"), name, told)
    if not passed:
        sys.exit(1)


names = [model.id for model in client.models.list()]
check("models", "tts-1" in names and client.models.retrieve("tts-1").id == "tts-1", names)

for text, voice in [("Hello there, this is a test.", "alloy"), ("你好，世界。", "nova")]:
    made = client.audio.speech.create(model="tts-1", input=text, voice=voice, response_format="wav", **seeded)
    with wave.open(io.BytesIO(made.content)) as sound:
        check(f"wav of {text}", sound.getframerate() == 24_000 and len(made.content) > 20_000)

text = "The quick brown fox jumps over the lazy dog. It does so every day, and nobody knows why."
whole = client.audio.speech.create(model="gpt-4o-mini-tts", input=text, voice="echo", response_format="pcm", **seeded)
start, parts, first = time.time(), [], None
with client.audio.speech.with_streaming_response.create(
    model="gpt-4o-mini-tts", input=text, voice="echo", response_format="pcm", instructions="Be calm.", **seeded
) as response:
    for part in response.iter_bytes(4096):
        first = first or time.time() - start
        parts.append(part)
total = time.time() - start
check("streamed bytes are those of the whole", b"".join(parts) == whole.content, f"{len(whole.content)} bytes")
check("the first come before the last are made", first < 0.8 * total, f"{first:.2f} s of {total:.2f} s")

# The client has no reader for events of speech; this is how it is done by hand.
audio, usage = b"", None
body = {"model": "gpt-4o-mini-tts", "input": text, "voice": "echo", "response_format": "pcm", "seed": 7}
headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
asked = json.dumps(body | {"stream_format": "sse"}).encode()
with urllib.request.urlopen(urllib.request.Request(f"{address}/v1/audio/speech", asked, headers)) as events:
    for line in events:
        if line.startswith(b"data: "):
            event = json.loads(line[6:])
            if event["type"] == "speech.audio.delta":
                audio += base64.b64decode(event["audio"])
            else:
                usage = event["usage"]
check("events", audio == whole.content and usage["total_tokens"] > 0, usage)

for fields, error in [
    ({"voice": "nobody"}, openai.BadRequestError),
    ({"input": ""}, openai.BadRequestError),
    ({"model": "gpt-5"}, openai.NotFoundError),
    ({"extra_body": {"tempreature": 1}}, openai.BadRequestError),
]:
    asked = {"model": "tts-1", "input": "hi", "voice": "alloy", "response_format": "pcm"} | fields
    try:
        client.audio.speech.create(**asked)
        check(f"{fields}", False)
    except error as refused:
        check(f"{fields}", refused.body["message"] and refused.body["code"], refused.body["message"][:70])
print("all is well")
