"""A proxy between a client and a store, which answers wrongly, late or not at all, by rules and by chance."""
import http.client, http.server, random, socket, struct, threading, time


class Faults:
    """Shares of requests, of 1, that meet a fault, and what all of them meet."""

    def __init__(self, seed=1):
        self.errors = self.breaks = self.losses = 0.0
        self.delay = 0.0
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.counts = {"errors": 0, "breaks": 0, "losses": 0}
        self.requests = []
        self.busy = self.most = 0

    def draw(self):
        with self.lock:
            drawn = self.random.random()
            for kind in self.counts:
                drawn -= getattr(self, kind)
                if drawn < 0:
                    self.counts[kind] += 1
                    return kind
        return None


class Proxy:
    """Passes requests on to a store at a port of this machine."""

    def __init__(self, port):
        self.faults = faults = Faults()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with faults.lock:
                    faults.requests.append((self.command, self.path))
                    faults.busy += 1
                    faults.most = max(faults.most, faults.busy)
                try:
                    self.answer(body)
                finally:
                    with faults.lock:
                        faults.busy -= 1

            def answer(self, body):
                time.sleep(faults.delay)
                fault = faults.draw()
                if fault == "errors":
                    text = b"<Error><Code>InternalError</Code><Message>a fault of the test</Message></Error>"
                    self.give(500, {"Content-Type": "application/xml"}, text)
                elif fault == "breaks":
                    self.cut()
                else:
                    store = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                    store.request(self.command, self.path, body, dict(self.headers))
                    answer = store.getresponse()
                    text = answer.read()
                    if fault == "losses":
                        return self.cut()
                    self.give(answer.status, dict(answer.getheaders()), text)
                    store.close()

            def give(self, status, headers, text):
                self.send_response_only(status)
                length = headers.get("Content-Length", str(len(text))) if self.command == "HEAD" else str(len(text))
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", length)
                self.end_headers()
                self.wfile.write(text)

            def cut(self):
                # Closed so that the other side hears of it at once.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
