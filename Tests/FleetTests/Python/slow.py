"""Clients that take their time, and what others notice of them.

Arguments: URL, token, number of slow clients, number of measured requests. Slow ones send a head, or a body, one byte a
second, say nothing at all, or ask for much and never read; whoever is thrown out comes again. Prints one JSON document:
milliseconds of `GET /health` on a connection of its own, without and with them.
"""
import http.client
import json
import multiprocessing
import selectors
import socket
import sys
import time
from urllib.parse import urlsplit

url, token = urlsplit(sys.argv[1]), sys.argv[2]
slow, measured = int(sys.argv[3]), int(sys.argv[4])
authorization = f"Authorization: Bearer {token}\r\n"
start = f"Host: {url.hostname}:{url.port}\r\n{authorization}"


class Client:
    """A slow one; what it says, byte for byte, begins at once with `first`."""

    def __init__(self, kind):
        self.kind = kind
        self.connect()

    def connect(self):
        self.socket = socket.create_connection((url.hostname, url.port), timeout=30)
        self.socket.setblocking(False)
        head, body = f"GET /kernels HTTP/1.1\r\n{start}\r\n", b""
        if self.kind == "body":
            head = f"POST /kernels HTTP/1.1\r\n{start}Content-Length: 5000\r\n\r\n"
            body = b" " * 5000
        if self.kind == "silent":
            self.rest = b""
        elif self.kind == "head":
            self.rest = head.encode()
        elif self.kind == "body":
            self.socket.send(head.encode())
            self.rest = body
        else:
            # A long answer again and again, of which nothing is read, or the events.
            path = "/events" if self.kind == "events" else "/openapi.json"
            self.rest = b""
            try:
                for _ in range(1 if self.kind == "events" else 200):
                    self.socket.send(f"GET {path} HTTP/1.1\r\n{start}\r\n".encode())
            except BlockingIOError:
                pass

    def step(self):
        """One byte; true if it was thrown out and came again."""
        try:
            if self.rest:
                self.socket.send(self.rest[:1])
                self.rest = self.rest[1:]
            elif self.kind in ("silent", "head", "body"):
                if self.socket.recv(1, socket.MSG_PEEK) == b"":
                    raise ConnectionResetError
            return False
        except BlockingIOError:
            return False
        except OSError:
            self.socket.close()
            self.connect()
            return True


def run_slow(ready, end, counts):
    kinds = ["head", "body", "silent", "deaf", "events"]
    clients = [Client(kinds[number % len(kinds)]) for number in range(slow)]
    counts[0] = len(clients)
    ready.set()
    while not end.is_set():
        begun = time.monotonic()
        for index, client in enumerate(clients):
            counts[1] += client.step()
            # Spread over the second, so that it is load and no burst.
            time.sleep(max(0, begun + index / slow - time.monotonic()))
        time.sleep(max(0, begun + 1 - time.monotonic()))


def measure():
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    times = []
    for _ in range(measured):
        begun = time.monotonic()
        connection.request("GET", "/health", headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise SystemExit(f"GET /health was answered with {response.status}")
        times.append((time.monotonic() - begun) * 1000)
        time.sleep(0.005)
    times.sort()
    return {"p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100], "max": times[-1]}


alone = measure()
ready, end = multiprocessing.Event(), multiprocessing.Event()
counts = multiprocessing.Array("i", 2)
process = multiprocessing.Process(target=run_slow, args=(ready, end, counts), daemon=True)
process.start()
if not ready.wait(60):
    raise SystemExit("the slow clients could not connect")
among = measure()
end.set()
process.join(30)
print(json.dumps({"clients": counts[0], "came_again": counts[1], "alone": alone, "among_slow": among}))
