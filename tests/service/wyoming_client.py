#!/usr/bin/env python3
"""Speaks with Wyoming's own client, as Home Assistant does: describes, synthesizes, and streams a text.

    pip install -r tests/service/requirements.txt
    python tests/service/wyoming_client.py target/release/chattts-rs
"""

import asyncio
import re
import subprocess
import sys

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

TEXT = "The quick brown fox jumps over the lazy dog. It does so every day."


def check(name, passed, told=""):
    print(("ok    " if passed else "FAILED"), name, told)
    if not passed:
        sys.exit(1)


async def audio(client):
    start = AudioStart.from_event(await client.read_event())
    heard = b""
    while AudioChunk.is_type((event := await client.read_event()).type):
        chunk = AudioChunk.from_event(event)
        assert (chunk.rate, chunk.width, chunk.channels) == (start.rate, start.width, start.channels)
        heard += chunk.audio
    assert AudioStop.is_type(event.type), event
    return start, heard


async def speak(port):
    async with AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(Describe().event())
        program = Info.from_event(await client.read_event()).tts[0]
        names = [voice.name for voice in program.voices]
        check("it describes itself", program.supports_synthesize_streaming and "alloy" in names, names[:4])
        await client.write_event(Ping(text="here?").event())
        check("it answers a ping", Pong.from_event(await client.read_event()).text == "here?")
        voice = SynthesizeVoice(name="echo")
        await client.write_event(Synthesize(text="Hello there.", voice=voice).event())
        start, heard = await audio(client)
        check("it speaks", start.rate == 24_000 and len(heard) > 20_000, f"{len(heard)} bytes")
        await client.write_event(Synthesize(text="Hello there.", voice=voice).event())
        check("and says the same again", (await audio(client))[1] == heard)
        await client.write_event(SynthesizeStart(voice=voice).event())
        for word in TEXT.split(" "):
            await client.write_event(SynthesizeChunk(text=f"{word} ").event())
        await client.write_event(Synthesize(text=TEXT, voice=voice).event())
        await client.write_event(SynthesizeStop().event())
        _, heard = await audio(client)
        event = await client.read_event()
        check("it speaks as the text comes", SynthesizeStopped.is_type(event.type) and len(heard) > 100_000)
        await client.write_event(Synthesize(text="hi", voice=SynthesizeVoice(name="nobody")).event())
        error = Error.from_event(await client.read_event())
        check("it says what is wrong", error.code == "invalid_voice", error.text[:70])
        check("and ends the connection", await client.read_event() is None)


command = [sys.argv[1], "serve", "--model", "demo", "--port", "0", "--wyoming", "0", "--seed", "7"]
with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as service:
    try:
        port = None
        for line in service.stderr:
            if found := re.search(r"listening at tcp://127\.0\.0\.1:(\d+)", line):
                port = int(found[1])
            if line.startswith("ready at"):
                break
        asyncio.run(speak(port))
    finally:
        service.terminate()
print("all is well")
