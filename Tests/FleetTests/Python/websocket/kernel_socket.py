"""A client of one kernel's WebSocket, as small as a browser's: both framings of jupyter_server, by its own functions."""

import json
import os
import time
import urllib.parse
import urllib.request
import uuid

import websocket
from jupyter_client.session import Session
from jupyter_server.services.kernels.connection.base import (
    deserialize_binary_message,
    deserialize_msg_from_ws_v1,
    serialize_binary_message,
    serialize_msg_to_ws_v1,
)

V1 = "v1.kernel.websocket.jupyter.org"
URL = os.environ.get("FLEET_URL", "")
TOKEN = os.environ.get("FLEET_TOKEN", "")
PATIENCE = 60


def http(method, path, body=None):
    """The status and the document of a call of the HTTP API."""
    request = urllib.request.Request(URL + path, method=method, headers={"Authorization": f"Bearer {TOKEN}"})
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, data, timeout=PATIENCE) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        text = error.read()
        return error.code, json.loads(text) if text else None


class Closed(Exception):
    """The host has closed the connection."""

    def __init__(self, code, reason):
        super().__init__(f"closed with {code}: {reason}")
        self.code = code
        self.reason = reason


class KernelSocket:
    """One connection; `session_id` names the session that it belongs to."""

    def __init__(self, kernel, v1=True, session_id=None, username="tester"):
        self.session = Session(username=username, session=session_id or uuid.uuid4().hex)
        self.v1 = v1
        query = {"token": TOKEN, "session_id": self.session.session}
        url = f"{URL.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels?{urllib.parse.urlencode(query)}"
        self.socket = websocket.create_connection(
            url, timeout=PATIENCE, subprotocols=[V1] if v1 else None, suppress_origin=True
        )
        assert self.socket.subprotocol == (V1 if v1 else None), self.socket.subprotocol

    def send(self, msg_type, content, channel="shell", buffers=(), parent=None):
        """Sends a message; its id."""
        message = self.session.msg(msg_type, content, parent=parent)
        buffers = [bytes(buffer) for buffer in buffers]
        if self.v1:
            parts = [self.session.pack(message[part]) for part in ("header", "parent_header", "metadata", "content")]
            self.socket.send_binary(serialize_msg_to_ws_v1(parts + buffers, channel))
        else:
            message["channel"] = channel
            message["buffers"] = buffers
            if buffers:
                self.socket.send_binary(serialize_binary_message(message))
            else:
                self.socket.send(json.dumps(message, default=str))
        return message["header"]["msg_id"]

    def receive(self, timeout=PATIENCE):
        """The next message; raises Closed, or WebSocketTimeoutException."""
        self.socket.settimeout(timeout)
        while True:
            opcode, data = self.socket.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                code = int.from_bytes(data[:2], "big") if len(data) >= 2 else None
                raise Closed(code, data[2:].decode())
            if opcode in (websocket.ABNF.OPCODE_PING, websocket.ABNF.OPCODE_PONG):
                continue
            if self.v1:
                assert opcode == websocket.ABNF.OPCODE_BINARY
                channel, parts = deserialize_msg_from_ws_v1(data)
                message = {
                    name: json.loads(bytes(part))
                    for name, part in zip(("header", "parent_header", "metadata", "content"), parts)
                }
                message["buffers"] = [bytes(part) for part in parts[4:]]
                message["channel"] = channel
            elif opcode == websocket.ABNF.OPCODE_BINARY:
                message = deserialize_binary_message(data)
            else:
                message = json.loads(data.decode())
                assert message["msg_id"] == message["header"]["msg_id"]
                assert message["msg_type"] == message["header"]["msg_type"]
            message["type"] = message["header"]["msg_type"]
            return message

    def execute(self, code, **options):
        """Sends an execution; its id."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True}
        return self.send("execute_request", content | options)

    def collect(self, msg_id, timeout=PATIENCE, on_message=None):
        """Everything that answers the request, until the reply and idle are there."""
        deadline = time.monotonic() + timeout
        answers = []
        while True:
            message = self.receive(max(0.01, deadline - time.monotonic()))
            if on_message:
                on_message(message)
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            answers.append(message)
            types = [answer["type"] for answer in answers]
            idle = any(answer["type"] == "status" and answer["content"]["execution_state"] == "idle" for answer in answers)
            if idle and any(type.endswith("_reply") for type in types):
                return answers

    def run(self, code, **options):
        """Executes code and returns its answers."""
        return self.collect(self.execute(code, **options))

    def wait_for(self, what, wanted, timeout=PATIENCE):
        """The first message that is wanted; what comes before it is forgotten."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                message = self.receive(max(0.01, deadline - time.monotonic()))
            except websocket.WebSocketTimeoutException:
                raise AssertionError(f"waited {timeout} s for {what}") from None
            if wanted(message):
                return message

    def drop(self):
        """Ends the connection as a network does that fails: without a word."""
        self.socket.shutdown()

    def close(self):
        self.socket.close()


def text(answers, stream="stdout"):
    return "".join(m["content"]["text"] for m in answers if m["type"] == "stream" and m["content"]["name"] == stream)


def state(message):
    """The kernel's state that a message tells; None for others."""
    return message["content"]["execution_state"] if message["type"] == "status" else None


def replies(answers):
    return [m for m in answers if m["type"].endswith("_reply")]


def eventually(what, condition, timeout=PATIENCE):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout} s for {what}"
        time.sleep(0.01)
