#!/usr/bin/env python3
"""Speaks through a running service with OpenAI's own client, and over WebSocket.

    chattts-rs serve --model demo --port 8000 &
    pip install -r tests/service/requirements.txt
    python tests/service/clients.py http://127.0.0.1:8000
"""

import base64
import email
import io
import json
import sys
import time
import urllib.error
import urllib.request
import wave
import zipfile

import openai
from websockets.sync.client import connect

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


def ask(method, path, body=None, **more):
    asked = urllib.request.Request(f"{address}{path}", body, {"Authorization": f"Bearer {key}"} | more, method=method)
    with urllib.request.urlopen(asked) as answer:
        return answer.headers, answer.read()


# A batch, as the standard library takes its answer apart.
lines = [
    {"custom_id": "one", "input": "Hello there.", "seed": 7, "response_format": "wav"},
    {"custom_id": "two", "input": "Hello there.", "voice": "nobody"},
    {"custom_id": "三", "input": "你好，世界。", "seed": 7, "response_format": "wav"},
]
lines = "\n".join(json.dumps(line) for line in lines).encode()
batch = {"Content-Type": "application/jsonl"}
headers, body = ask("POST", "/v1/audio/speech/batch", lines, **batch)
parts = email.message_from_bytes(f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body).get_payload()
parts = {part["X-Line"]: part for part in parts}
check("a batch has a part a line", sorted(parts) == ["1", "2", "3"] and parts["2"]["X-Status"] == "400")
alone = client.audio.speech.create(model="tts-1", input="Hello there.", voice=None, response_format="wav", **seeded)
check("a line is what is said alone", parts["1"].get_payload(decode=True) == alone.content)
_, body = ask("POST", "/v1/audio/speech/batch", lines, Accept="application/zip", **batch)
with zipfile.ZipFile(io.BytesIO(body)) as archive:
    told = [json.loads(line) for line in archive.read("results.jsonl").splitlines()]
    check("an archive opens", sorted(archive.namelist()) == ["one.wav", "results.jsonl", "三.wav"] and archive.testzip() is None)
    check("and tells of each line", sorted(line["status"] for line in told) == [200, 200, 400])

# Voices come and go.
made = json.dumps({"name": "clients-py", "voice": 4099}).encode()
_, body = ask("POST", "/v1/audio/voices", made, **{"Content-Type": "application/json"})
check("a voice is made", json.loads(body)["origin"] == "created")
said = client.audio.speech.create(model="tts-1", input=text, voice="clients-py", response_format="pcm", **seeded)
check("and speaks", len(said.content) > 20_000)
ask("DELETE", "/v1/audio/voices/clients-py")
try:
    ask("GET", "/v1/audio/voices/clients-py")
    check("and goes", False)
except urllib.error.HTTPError as error:
    check("and goes", error.code == 404)

# Text in pieces, as a language model writes it.
url = f"{address.replace('http', 'ws', 1)}/v1/audio/speech/stream"
with connect(url, additional_headers={"Authorization": f"Bearer {key}"}) as socket:
    socket.send(json.dumps({"type": "session.config", "voice": "echo", "seed": 7}))
    for word in text.split(" "):
        socket.send(json.dumps({"type": "input.text", "text": f"{word} "}))
    socket.send(json.dumps({"type": "input.done"}))
    audio, sentences, done = b"", [], None
    while done is None:
        message = socket.recv()
        if isinstance(message, bytes):
            audio += message
            continue
        event = json.loads(message)
        if event["type"] == "audio.start":
            sentences.append(event["sentence_text"])
        done = event if event["type"] == "session.done" else None
check("text in pieces is spoken", " ".join(sentences).split() == text.split() and len(audio) > 100_000, sentences)
print("all is well")
