#!/usr/bin/env python3
"""Speaks over gRPC with the clients that there are: generated from what the service reflects, of health, of NVIDIA Riva.

    cargo build --release
    pip install -r tests/service/requirements-grpc.txt
    python tests/service/grpc_clients.py target/release/chattts-rs

Starts services of its own. What is spoken is compared with what `chattts-rs synth` writes.
"""

import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

import grpc
import riva.client
from google.protobuf import descriptor_pool, message_factory
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

PROGRAM = str(pathlib.Path(sys.argv[1]).resolve())
TEXT = "你好，世界。Dr. Smith paid $5."
SERVICE = "chattts.v1.TextToSpeech"
LIMITS = [("grpc.max_receive_message_length", 64 << 20)]


def check(name, passed, told=""):
    print(("ok    " if passed else "FAILED"), name, told)
    if not passed:
        sys.exit(1)


class Server:
    """A service with small random weights."""

    def __init__(self, *flags):
        command = [PROGRAM, "serve", "--model", "noise", "--port", "0", *flags]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "ready at http://" in line:
                self.address = line.split("ready at http://")[1].split()[0]
                break

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        check("it ends in good order", self.process.wait(60) == 0)

    def metric(self, name):
        with urllib.request.urlopen(f"http://{self.address}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name) and line[len(name)] in " {")

    def wait_for(self, name, value):
        until = time.time() + 30
        while self.metric(name) != value:
            check(f"{name} becomes {value}", time.time() < until)
            time.sleep(0.02)


class Client:
    """A client of what the service reflects."""

    def __init__(self, address):
        self.channel = grpc.insecure_channel(address, LIMITS)
        self.database = ProtoReflectionDescriptorDatabase(self.channel)
        self.pool = descriptor_pool.DescriptorPool(self.database)

    def message(self, name, **fields):
        described = self.pool.FindMessageTypeByName(f"chattts.v1.{name}")
        return message_factory.GetMessageClass(described)(**fields)

    def call(self, method, request, **options):
        described = self.pool.FindServiceByName(SERVICE).FindMethodByName(method)
        streams = {"SynthesizeStream": "unary_stream", "SynthesizeDialog": "stream_stream"}
        stub = getattr(self.channel, streams.get(method, "unary_unary"))(
            f"/{SERVICE}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(described.output_type).FromString,
        )
        return stub(request, **options)

    def settings(self, **fields):
        return self.message("SpeechSettings", **({"seed": 5, "max_tokens": 80, "response_format": 5} | fields))

    def request(self, method="Synthesize", text=TEXT, **fields):
        return self.message(f"{method}Request", input=text, settings=self.settings(**fields))


def synth(text, *flags):
    command = [PROGRAM, "synth", "-m", "noise", "-t", text, "--seed", "5", "--stream", *flags]
    return subprocess.run(command, check=True, capture_output=True).stdout


def speech(server, client):
    services = set(client.database.get_services())
    check("services", {SERVICE, "nvidia.riva.tts.RivaSpeechSynthesis", "grpc.health.v1.Health"} <= services, services)
    for format, name in [(0, "mp3"), (2, "opus"), (5, "raw")]:
        expected = synth(TEXT, "--format", name, "--max-tokens", "80")
        made = client.call("Synthesize", client.request(response_format=format))
        check(f"{name} is that of synth", made.audio == expected and made.usage.output_tokens > 0, len(expected))
        parts = list(client.call("SynthesizeStream", client.request("SynthesizeStream", response_format=format)))
        check(f"{name} streamed", b"".join(part.audio for part in parts) == expected, f"{len(parts)} messages")
        check("seed and usage", parts[0].started.seed == 5 and parts[-1].done == made.usage, parts[0].started.content_type)
    voices = [voice.id for voice in client.call("ListVoices", client.message("ListVoicesRequest")).voices]
    check("voices", "alloy" in voices, len(voices))
    read = client.call("Normalize", client.message("NormalizeRequest", input="Dr. Smith paid $5. 😀"))
    check("normalize", read.dropped[0].text == "😀" and read.replacements and read.warnings, read.text)

    call = client.call("SynthesizeStream", client.request("SynthesizeStream"), metadata=[("x-request-id", "job-7")])
    check("id", ("x-request-id", "job-7") in call.initial_metadata() and len(list(call)) > 2)


def dialogs(server, client):
    def requests():
        yield client.message("SynthesizeDialogRequest", settings=client.settings(max_tokens=60))
        for word in "Hello there, my friend. How are you today? And the end".split(" "):
            yield client.message("SynthesizeDialogRequest", text=f"{word} ")
            time.sleep(0.01)

    sentences = ["Hello there, my friend.", "How are you today?", "And the end"]
    pause = bytes(2 * 24_000 * 3 // 10)
    expected = pause.join(synth(text, "--format", "raw", "--max-tokens", "60") for text in sentences)
    parts = list(client.call("SynthesizeDialog", requests()))
    check("a dialog's sentences", [part.sentence for part in parts if part.sentence] == sentences)
    check("a dialog's audio", b"".join(part.audio for part in parts) == expected, f"{len(expected)} bytes")

    call = client.call("SynthesizeDialog", requests())
    next(call)
    call.cancel()
    server.wait_for("chattts_requests_in_flight", 0)


def refusals(server, client):
    for fields, code, reason, field in [
        ({"speed": 9}, grpc.StatusCode.INVALID_ARGUMENT, "invalid_parameter", "speed"),
        ({"voice": "nobody"}, grpc.StatusCode.INVALID_ARGUMENT, "invalid_voice", "voice"),
        ({"text": " "}, grpc.StatusCode.INVALID_ARGUMENT, "invalid_parameter", "input"),
        ({"text": "😀"}, grpc.StatusCode.INVALID_ARGUMENT, "invalid_text", "input"),
        ({"response_format": 9}, grpc.StatusCode.INVALID_ARGUMENT, "invalid_parameter", "response_format"),
        ({"model": "gpt-5"}, grpc.StatusCode.NOT_FOUND, "model_not_found", None),
    ]:
        for method in ["Synthesize", "SynthesizeStream"]:
            try:
                made = client.call(method, client.request(method, **fields))
                list(made)
                check(f"{fields}", False)
            except grpc.RpcError as error:
                told = details(error)
                violations = told.get("BadRequest")
                named = violations.field_violations[0].field if violations else None
                passed = error.code() == code and told["ErrorInfo"].reason == reason and named == field
                check(f"{method} {fields}", passed, error.details()[:60])


def details(error):
    found = {}
    for any in rpc_status.from_call(error).details:
        name = any.TypeName().split(".")[-1]
        found[name] = getattr(error_details_pb2, name)()
        any.Unpack(found[name])
    return found


def limits():
    with Server("--batch-size", "1", "--queue", "1") as server:
        client = Client(server.address)
        endless = {"text": "今天天气很好。" * 300, "max_tokens": 2_000, "min_tokens": 2_000, "split": True}
        running = client.call("SynthesizeStream", client.request("SynthesizeStream", sample_rate=384_000, **endless))
        next(running)
        waiting = client.call("SynthesizeStream", client.request("SynthesizeStream", **endless))
        server.wait_for("chattts_queue_size", 1)
        try:
            client.call("Synthesize", client.request())
            check("busy", False)
        except grpc.RpcError as error:
            metadata = dict(error.trailing_metadata())
            delay = details(error)["RetryInfo"].retry_delay.seconds
            passed = error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and int(metadata["retry-after"]) >= delay >= 1
            check("busy", passed, error.details())
        waiting.cancel()
        running.cancel()
        server.wait_for("chattts_slots_held", 0)
        for method in ["Synthesize", "SynthesizeStream"]:
            start = time.time()
            try:
                list(client.call(method, client.request(method, **endless), timeout=0.7))
                check("late", False)
            except grpc.RpcError as error:
                took = time.time() - start
                check("late", error.code() == grpc.StatusCode.DEADLINE_EXCEEDED and took < 2, f"{took:.2f} s")
            server.wait_for("chattts_slots_held", 0)
        client.channel.close()
        check("it speaks on", len(Client(server.address).call("Synthesize", client.request()).audio) > 1_000)


def keys():
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("sk-a\n")
        file.flush()
        with Server("--api-key-file", file.name) as server:
            client = Client(server.address)
            request = client.message("ListVoicesRequest")
            try:
                client.call("ListVoices", request)
                check("no key", False)
            except grpc.RpcError as error:
                check("no key", error.code() == grpc.StatusCode.UNAUTHENTICATED, error.details())
            key = [("authorization", "Bearer sk-a")]
            check("a key", len(client.call("ListVoices", request, metadata=key).voices) > 10)


def health(server, client):
    stub = health_pb2_grpc.HealthStub(client.channel)
    for name in ["", SERVICE]:
        status = stub.Check(health_pb2.HealthCheckRequest(service=name)).status
        check(f"health of {name!r}", status == health_pb2.HealthCheckResponse.SERVING)
    try:
        stub.Check(health_pb2.HealthCheckRequest(service="nothing"))
        check("health of nothing", False)
    except grpc.RpcError as error:
        check("health of nothing", error.code() == grpc.StatusCode.NOT_FOUND)
    watch = stub.Watch(health_pb2.HealthCheckRequest())
    check("watch", next(watch).status == health_pb2.HealthCheckResponse.SERVING)
    return watch


def of_riva(server):
    service = riva.client.SpeechSynthesisService(riva.client.Auth(uri=server.address))
    expected = synth(TEXT, "--format", "raw", "--sample-rate", "22050", "--max-tokens", "80")
    more = {"language_code": "", "custom_configuration": {"seed": "5", "max_tokens": "80"}}
    check("riva", service.synthesize(TEXT, **more).audio == expected, f"{len(expected)} bytes")
    online = b"".join(part.audio for part in service.synthesize_online(TEXT, **more))
    check("riva online", online == expected)
    opus = riva.client.AudioEncoding.OGGOPUS
    made = service.synthesize("Hello there.", encoding=opus, sample_rate_hz=48_000, voice_name="ChatTTS.alloy")
    check("riva opus", made.audio.startswith(b"OggS"), f"{len(made.audio)} bytes")
    both = list(service.synthesize_online(["One.", "Two."], sample_rate_hz=24_000))
    check("riva online, two texts", sum(len(part.audio) for part in both) > 20_000)
    config = service.stub.GetRivaSynthesisConfig(riva.client.proto.riva_tts_pb2.RivaSynthesisConfigRequest())
    parameters = config.model_config[0].parameters
    names = [name.split(":")[0] for name in parameters["subvoices"].split(",")]
    check("riva's voices", "alloy" in names and parameters["voice_name"] == "ChatTTS", parameters["language_code"])
    try:
        service.synthesize("Hallo", language_code="de-DE")
        check("riva, German", False)
    except grpc.RpcError as error:
        check("riva, German", error.code() == grpc.StatusCode.INVALID_ARGUMENT, error.details())


with Server() as server:
    client = Client(server.address)
    speech(server, client)
    dialogs(server, client)
    refusals(server, client)
    of_riva(server)
    watch = health(server, client)
check("watch tells of the end", next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING)
limits()
keys()
print("all is well")
