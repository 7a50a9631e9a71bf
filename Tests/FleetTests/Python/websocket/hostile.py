"""Clients that nobody wants: hostile.py NAME KERNEL [ARGUMENT…]"""

import base64
import json
import os
import random
import resource
import socket
import struct
import sys
import threading
import time
import urllib.parse

from kernel_socket import TOKEN, URL, V1, KernelSocket, eventually, replies, text

ADDRESS = urllib.parse.urlparse(URL)


def open_socket(kernel, v1=True, session=None, receive_buffer=None):
    """A WebSocket whose frames are made by hand."""
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(60)
    connection.connect((ADDRESS.hostname, ADDRESS.port))
    lines = [
        f"GET /api/kernels/{kernel}/channels?session_id={session or os.urandom(8).hex()} HTTP/1.1",
        f"Host: {ADDRESS.netloc}", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}", f"Authorization: token {TOKEN}",
    ]
    if v1:
        lines.append(f"Sec-WebSocket-Protocol: {V1}")
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        assert byte, head
        head += byte
    assert head.startswith(b"HTTP/1.1 101"), head
    return connection


def frame(payload, opcode=2, fin=True, mask=True, rsv=0, length=None):
    count = len(payload) if length is None else length
    out = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    flag = 0x80 if mask else 0
    if count < 126:
        out += bytes([flag | count])
    elif count < 1 << 16:
        out += bytes([flag | 126]) + struct.pack("!H", count)
    else:
        out += bytes([flag | 127]) + struct.pack("!Q", count)
    if not mask:
        return out + payload
    key = os.urandom(4)
    repeated = (key * (len(payload) // 4 + 1))[: len(payload)]
    return out + key + (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")


def close_code(connection):
    """The code of the close frame that the host ends the connection with; None if it ends without one."""
    data = b""
    try:
        while True:
            part = connection.recv(1 << 16)
            if not part:
                break
            data += part
    except ConnectionResetError:
        pass
    at, code = 0, None
    while at + 2 <= len(data):
        opcode, count = data[at] & 15, data[at + 1] & 127
        at += 2
        if count == 126:
            count, at = struct.unpack("!H", data[at : at + 2])[0], at + 2
        elif count == 127:
            count, at = struct.unpack("!Q", data[at : at + 8])[0], at + 8
        if opcode == 8:
            code = int.from_bytes(data[at : at + 2], "big") if count >= 2 else 1005
        at += count
    return code


def v1_message(content=b"{}", header=None, channel=b"shell"):
    header = header or json.dumps({"msg_id": os.urandom(8).hex(), "msg_type": "kernel_info_request", "session": "s"}).encode()
    parts = [channel, header, b"{}", b"{}", content]
    offsets = [8 * (len(parts) + 2)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    return struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(parts)


def violations(kernel):
    """Each kind of mistake is answered with its close code."""
    good = v1_message()
    for name, code, v1, data in [
        ("unmasked", 1002, True, frame(good, mask=False)),
        ("reserved bit", 1002, True, frame(good, rsv=4)),
        ("unknown opcode", 1002, True, frame(good, opcode=3)),
        ("unknown control opcode", 1002, True, frame(b"", opcode=11)),
        ("continuation of nothing", 1002, True, frame(good, opcode=0)),
        ("message in a message", 1002, True, frame(good, fin=False) + frame(good)),
        ("fragmented ping", 1002, True, frame(b"", opcode=9, fin=False)),
        ("long ping", 1002, True, frame(b"x" * 126, opcode=9)),
        ("huge frame", 1009, True, frame(b"", length=1 << 40)),
        ("frame of all bits", 1009, True, frame(b"", length=(1 << 64) - 1)),
        ("text in v1", 1007, True, frame(b"{}", opcode=1)),
        ("no table", 1007, True, frame(b"1234")),
        ("wild offsets", 1007, True, frame(struct.pack("<8Q", 7, 64, 1, 2, 3, 4, 5, 6))),
        ("too many offsets", 1007, True, frame(struct.pack("<Q", 1 << 62) + b"x" * 100)),
        ("header is no JSON", 1007, True, frame(v1_message(header=b"{"))),
        ("header without id", 1007, True, frame(v1_message(header=b"{}"))),
        ("content is no object", 1007, True, frame(v1_message(content=b"[]"))),
        ("invalid UTF-8", 1007, True, frame(v1_message(content=b'{"a":"\xff"}'))),
        ("iopub", 1007, True, frame(v1_message(channel=b"iopub"))),
        ("text that is no JSON", 1007, False, frame(b"hello", opcode=1)),
        ("text that is no UTF-8", 1007, False, frame(b'{"header":"\xc3"}', opcode=1)),
        ("no header", 1007, False, frame(b"{}", opcode=1)),
        ("binary without table", 1007, False, frame(b"\xff\xff\xff\xff1234")),
        ("invalid close code", 1002, True, frame(struct.pack("!H", 1005), opcode=8)),
        ("close of one byte", 1002, True, frame(b"x", opcode=8)),
        ("close reason that is no UTF-8", 1007, True, frame(struct.pack("!H", 1000) + b"\xff", opcode=8)),
        ("goodbye", 1000, True, frame(struct.pack("!H", 1000) + b"bye", opcode=8)),
    ]:
        connection = open_socket(kernel, v1)
        connection.sendall(data)
        # A peer that answers the close, as browsers do, and one that does not.
        seen = close_code_answering(connection)
        assert seen == code, f"{name}: {seen} instead of {code}"
        connection.close()


def close_code_answering(connection):
    data = connection.recv(1 << 16)
    try:
        connection.sendall(frame(struct.pack("!H", 1000), opcode=8))
        while more := connection.recv(1 << 16):
            data += more
    except (ConnectionResetError, BrokenPipeError):
        pass
    at = data.rfind(b"\x88")
    return int.from_bytes(data[at + 2 : at + 4], "big") if at >= 0 and len(data) > at + 3 else None


def malformed(kernel, count, seed):
    """Random frames, and good ones that were damaged. The host outlives them, and so does everybody else."""
    rng = random.Random(int(seed))
    bystander = KernelSocket(kernel)
    connection, used = None, 0
    for number in range(int(count)):
        if connection is None or used >= 20:
            if connection:
                connection.close()
            connection, used = open_socket(kernel, v1=rng.random() < 0.5), 0
        good = v1_message(content=json.dumps({"n": number}).encode())
        kind = rng.randrange(6)
        if kind == 0:
            data = rng.randbytes(rng.randrange(1, 200))
        elif kind == 1:
            damaged = bytearray(frame(good))
            for _ in range(rng.randrange(1, 4)):
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
            data = bytes(damaged)
        elif kind == 2:
            data = frame(good, opcode=rng.randrange(16), fin=rng.random() < 0.5, rsv=rng.randrange(8), mask=rng.random() < 0.8)
        elif kind == 3:
            damaged = bytearray(good)
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
            data = frame(bytes(damaged[: rng.randrange(1, len(damaged) + 1)]))
        elif kind == 4:
            text = json.dumps({"header": {"msg_id": "x", "msg_type": "y"}, "content": {}, "channel": "shell"})
            at = rng.randrange(len(text))
            data = frame((text[:at] + chr(rng.randrange(32, 500)) + text[at + 1 :]).encode(), opcode=1)
        else:
            data = frame(rng.randbytes(rng.randrange(0, 300)), opcode=rng.choice([0, 1, 2, 8, 9, 10]))
        used += 1
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            connection.close()
            connection = None
        if number % 1000 == 999:
            assert text_of(bystander, number) == f"{number}\n"
    if connection:
        connection.close()
    assert text_of(bystander, "end") == "end\n"
    bystander.close()


def text_of(client, word):
    return text(client.run(f"print('{word}')"))


def memory(pid):
    """Bytes of private memory of the host."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon"))


def never_read(kernel, count, pid):
    """Clients that read nothing while a kernel floods: bounded memory, and another kernel's client does not notice."""
    count = int(count)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 4096),) * 2)
    silent = [open_socket(kernel, receive_buffer=4096) for _ in range(count)]
    before = memory(pid)
    reader = KernelSocket(kernel)
    request = reader.execute("local line = string.rep('x', 999) for n = 1, 20000 do print(line) end")
    answers = reader.collect(request)
    # 20 MB: who reads gets all of it.
    assert len(text(answers)) == 20_000_000, len(text(answers))
    grown = memory(pid) - before
    print(f"{count} clients that never read: the host grew by {grown / 1e6:.1f} MB", flush=True)
    assert grown < 100e6, grown
    for connection in silent:
        connection.close()
    reader.close()


def slow_reader(kernel, other, pid):
    """One client does not read. Its own answers stay, outputs are dropped with a notice, nobody else is held up."""
    slow = KernelSocket(kernel, username="slow")
    slow.run("x = 1")
    before = memory(pid)
    request = slow.execute("local line = string.rep('y', 9999) for n = 1, 10000 do print(line) end print('the end')")
    latencies = []
    neighbour = KernelSocket(other)
    peak = before
    # The flood takes a while; the other kernel answers meanwhile.
    deadline = time.monotonic() + 60
    watcher = KernelSocket(kernel)
    done = threading.Event()

    def watch():
        watcher.wait_for("the flood's end", lambda m: m["parent_header"].get("msg_id") == request and m["type"] == "status" and m["content"]["execution_state"] == "idle")
        done.set()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    while not done.is_set():
        assert time.monotonic() < deadline, "the flood does not end"
        started = time.monotonic()
        assert replies(neighbour.run("y = 2"))
        latencies.append(time.monotonic() - started)
        peak = max(peak, memory(pid))
    latencies.sort()
    grown = peak - before
    print(
        f"100 MB that one client does not read: the host grew by {grown / 1e6:.1f} MB; "
        f"{len(latencies)} executions elsewhere, median {latencies[len(latencies) // 2] * 1e3:.1f} ms, "
        f"worst {latencies[-1] * 1e3:.1f} ms", flush=True)
    assert grown < 100e6, grown
    answers = slow.collect(request)
    assert len(replies(answers)) == 1
    notices = [m for m in answers if m["type"] == "stream" and "dropped here" in m["content"]["text"]]
    received = len(text(answers))
    assert notices and received < 100_000_000, (len(notices), received)
    assert text(slow.run("print('on')")) == "on\n"


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
    print("ok", flush=True)
