"""Requests that are wrong in every way, drawn from a seed.

Arguments: host, port, token, seed, count. Prints one JSON document: how many were answered with which status ("none": the
connection was closed without a word), and examples of what was answered with 500 or more.
"""
import collections
import concurrent.futures
import json
import random
import socket
import sys

host, port, token, seed, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
access = f"Host: {host}\r\nAuthorization: Bearer {token}\r\n".encode()
METHODS = [b"GET", b"POST", b"DELETE", b"PUT", b"PATCH", b"HEAD", b"OPTIONS", b"TRACE", b"CONNECT", b"get", b"G\0T", b""]
# Nothing here may stop the host or its kernels.
PATHS = [
    b"/kernels", b"/kernels/x", b"/kernels/x/logs", b"/kernels/x/clients/1", b"/find", b"/decisions", b"/decisions/1-1",
    b"/trace", b"/metrics", b"/alerts", b"/silences", b"/silences/x", b"/policies", b"/health", b"/openapi.json", b"/",
    b"/api/kernels", b"/api/sessions", b"/api/kernelspecs/x", b"/../../etc/passwd", b"//kernels", b"/kernels/",
    b"kernels", b"*", b"http://[::1", b"/kernels/%2e%2e%2fx", b"/kernels/x%00", b"/kernels/%zz", b"/\xff\xfe",
]
QUERIES = [
    b"", b"?", b"?limit", b"?limit=-1", b"?limit=99999999999999999999", b"?limit=1&limit=2", b"?status=nothing",
    b"?label=", b"?label==", b"?label=%", b"?after=x", b"?since=yesterday", b"?from=1e400&to=nan", b"?&&==&",
    b"?%00=%00", b"?a[]=1", b"?" + b"a" * 5000, b"?entry=none", b"?lines=1.5", b"?force=maybe", b"?token=wrong",
    b"?timeout=-1", b"?format=xml", b"?type=x", b"?kernel=%f0%28%8c%28",
]
BODIES = [
    b"", b"{", b"[]", b"null", b"1", b'"x"', b"{}}", b'{"name":1}', b'{"name":"\\ud800"}', b'{"memory_limit":"half"}',
    b'{"memory_limit":1e999}', b'{"port":99999999999}', b'{"cpu_limit":-1}', b'{"env_vars":{"A":1}}', b'{"a":' * 5000,
    b'{"labels":{"a":null}}', b'{"config":"' + b"x" * 5000 + b'"}', b"\xff\xfe\x00", b'{"name":"a","name":"b"}',
    b'{"config":"/etc/passwd"}', b'{"kernelspec":"../../x"}', b'{"unknown":true}', b'{"best_effort":"yes"}',
    b'{"duration_seconds":0}', b"<xml/>", b"a=b&c=d",
]
HEADERS = [
    b"X: " + b"y" * 9000, b"Content-Type: text/xml", b"Content-Type: ", b"Content-Length: -1", b"Content-Length: 1, 2",
    b"Content-Length: 99999999999999999999", b"Content-Length: 0x10", b"Transfer-Encoding: gzip",
    b"Transfer-Encoding: chunked, identity", b"Expect: 100-continue", b"Expect: nonsense", b"Connection: upgrade",
    b"Upgrade: websocket", b"Upgrade: h2c", b"Host: other", b": novalue", b"no colon", b" folded", b"\0: \0",
    b"Range: bytes=9-1", b"Accept: \xff", b"Cookie: " + b"a=b; " * 500, b"Idempotency-Key: ", b"Idempotency-Key: \x01",
    b"Last-Event-ID: not-an-id", b"Origin: null", b"Authorization: Basic eA==", b"Sec-WebSocket-Version: 1",
]


def chunked(random):
    pieces = [
        b"5\r\nhello\r\n", b"0\r\n\r\n", b"zz\r\n", b"-1\r\n", b"ffffffffffffffff\r\n", b"5\r\nhi\r\n", b"3;ext=\"\r\nabc\r\n",
        b"\r\n\r\n", b"1\r\n{\r\n", b"0\r\nTrailer: x\r\n\r\n", b"5 \r\nhello\r\n", b"0x5\r\nhello\r\n",
    ]
    return b"".join(random.choice(pieces) for _ in range(random.randrange(1, 6)))


def make(number):
    draw = random.Random(f"{seed}/{number}")
    kind = draw.randrange(10)
    if kind == 0:
        return draw.randbytes(draw.randrange(1, 400))
    # Events would be followed for ever, which is no malformed request.
    line = draw.choice(METHODS) + b" " + draw.choice(PATHS) + draw.choice(QUERIES)
    line += draw.choice([b" HTTP/1.1"] * 6 + [b" HTTP/1.0", b" HTTP/9.9", b"", b" HTTP/1.1 x", b" http/1.1"])
    head = line + draw.choice([b"\r\n"] * 5 + [b"\n", b"\r"]) + access
    for _ in range(draw.randrange(3)):
        head += draw.choice(HEADERS) + b"\r\n"
    if kind in (1, 2):
        return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(draw)
    if kind == 3:
        body = draw.choice(BODIES)
        return head + b"Content-Length: %d\r\n\r\n" % (len(body) + draw.choice([-1, 1, 10, 0])) + body
    if kind == 4:
        return head[: draw.randrange(len(head))]
    if kind == 5:
        request = bytearray(head + b"\r\n")
        for _ in range(draw.randrange(1, 8)):
            request[draw.randrange(len(request))] = draw.randrange(256)
        return bytes(request)
    body = draw.choice(BODIES)
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def changes_something(request):
    """What is whole and would stop kernels or the host is left out: it would be obeyed."""
    line = request.split(b"\n")[0]
    return line.startswith(b"DELETE /kernels ") or line.startswith(b"DELETE /kernels?") or b"/shutdown" in line


def send(number):
    request = make(number)
    if changes_something(request):
        return "left out", None
    try:
        with socket.create_connection((host, port), timeout=20) as connection:
            connection.settimeout(20)
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
                if len(answer) > 100_000:
                    break
    except TimeoutError:
        return "hangs", request
    except OSError:
        return "none", None
    if not answer:
        return "none", None
    parts = answer.split(b" ", 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/1."):
        return "nonsense", request
    status = parts[1].decode("latin-1")
    return status, request if status >= "500" else None


results, examples = collections.Counter(), []
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    for status, request in pool.map(send, range(count)):
        results[status] += 1
        if request is not None and len(examples) < 5:
            examples.append([status, request[:2000].decode("latin-1")])
print(json.dumps({"results": results, "examples": examples}))
