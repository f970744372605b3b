#!/usr/bin/env python3
"""Reads the traces of a service by OpenTelemetry's own schema.

    pip install -r tests/service/requirements.txt
    python tests/service/traces.py target/release/chattts-rs

A collector that knows the schema and nothing else takes the traces of some requests: no field is unknown, none is of
another type, and each request's stages lie within it.
"""
import base64, http.server, json, queue, re, signal, subprocess, sys, threading, urllib.request

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

received = queue.Queue()
IDS = {"traceId", "spanId", "parentSpanId"}


def in_base64(value, key=None):
    """Writes ids as protobuf's own JSON has them; OTLP has them in hexadecimal."""
    if isinstance(value, dict):
        return {key: in_base64(value, key) for key, value in value.items()}
    if isinstance(value, list):
        return [in_base64(value) for value in value]
    return base64.b64encode(bytes.fromhex(value)).decode() if key in IDS else value


class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        received.put((self.path, self.headers["Content-Type"], body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=collector.serve_forever, daemon=True).start()
endpoint = f"http://127.0.0.1:{collector.server_port}"
command = [sys.argv[1], "serve", "--model", "demo", "--port", "0", "--otlp-endpoint", endpoint]
service = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
try:
    address = next(found[1] for line in service.stderr if (found := re.search(r"ready at (http\S+)", line)))
    threading.Thread(target=service.stderr.read, daemon=True).start()
    formats = ["pcm", "mp3", "opus"]
    for format in formats:
        body = json.dumps({"input": "Hello there. And again.", "seed": 1, "response_format": format}).encode()
        headers = {"Content-Type": "application/json", "X-Request-Id": format}
        urllib.request.urlopen(urllib.request.Request(f"{address}/v1/audio/speech", body, headers)).read()
    service.send_signal(signal.SIGTERM)
    assert service.wait(60) == 0
finally:
    service.kill()

spans = []
while not received.empty():
    path, content_type, body = received.get()
    assert (path, content_type) == ("/v1/traces", "application/json"), (path, content_type)
    read = json_format.ParseDict(in_base64(body), ExportTraceServiceRequest())
    for resource in read.resource_spans:
        names = {attribute.key: attribute.value.string_value for attribute in resource.resource.attributes}
        assert names["service.name"] == "chattts-rs" and names["service.version"], names
        spans += [span for scope in resource.scope_spans for span in scope.spans]
requests = [span for span in spans if span.name == "speech"]
assert len(requests) == len(formats), spans
for request in requests:
    assert request.kind == Span.SPAN_KIND_SERVER and len(request.trace_id) == 16 and len(request.span_id) == 8
    told = {attribute.key: attribute.value for attribute in request.attributes}
    assert told["chattts.request_id"].string_value in formats and told["http.response.status_code"].int_value == 200
    stages = {span.name: span for span in spans if span.parent_span_id == request.span_id}
    assert set(stages) == {"queue", "prefill", "decode", "render", "encode"}, stages
    for stage in stages.values():
        assert stage.trace_id == request.trace_id and stage.kind == Span.SPAN_KIND_INTERNAL
        assert request.start_time_unix_nano <= stage.start_time_unix_nano <= stage.end_time_unix_nano
        assert stage.end_time_unix_nano <= request.end_time_unix_nano + 1000
    times = ", ".join(f"{name} {(s.end_time_unix_nano - s.start_time_unix_nano) / 1e6:.1f} ms" for name, s in stages.items())
    print("ok   ", told["chattts.request_id"].string_value, times)
print("all is well")
