"""A language model for tests: speaks chat completions and messages, and fails on demand.

model_server.py PORT_FILE: writes its port there once it listens. What the model does stands in the last user message:
`say TEXT`, `echo` (what it was sent), `call NAME {arguments}`, or the name of a failure below.
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

KEY = "sk-test-0123456789abcdef"
stopped = threading.Event()
lock = threading.Lock()
tries = {}  # by prompt: how often it was asked


def text_of(content):
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content if part["type"] == "text")


# What docs/lua-kernel.md asks.
ANSWERS = {
    "What is the capital of France?": "Paris.",
    "And of Norway?": "Oslo.",
    "Count to five.": "one two three four five",
    "How cold is it in Oslo?": ("temperature", '{"city": "Oslo"}'),
    "Name a city and its country.": '{"city": "Paris", "country": "France"}',
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    # What is asked --------------------------------------------------------------------------------------------------

    def do_GET(self):
        """/tries/PROMPT: how often it was asked."""
        self.answer(200, str(tries.get(unquote(self.path.removeprefix("/tries/")), 0)))

    def do_POST(self):
        self.request_document = document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.anthropic = self.path == "/v1/messages"
        if not self.anthropic and self.path != "/v1/chat/completions":
            return self.fail(404, "not_found", "no such path " + self.path)
        given = self.headers["x-api-key"] if self.anthropic else (self.headers["Authorization"] or "")[len("Bearer "):]
        self.key = given or ""
        if self.key != KEY:
            return self.fail(401, "authentication_error", f"incorrect key provided: {self.key}")
        if self.anthropic and (self.headers["anthropic-version"] != "2023-06-01" or "max_tokens" not in document):
            return self.fail(400, "invalid_request_error", "a header or max_tokens is missing")
        if document["model"] == "nosuch":
            return self.fail(404, "not_found_error", "model: nosuch")
        self.streams = document.get("stream", False)
        self.act(self.prompt(document["messages"]))

    def prompt(self, messages):
        """The last instruction of a person; after a tool has run, an answer that has its results."""
        last = messages[-1]
        if messages[0]["content"] == "forever":
            return "forever"
        if messages[0]["content"] == "How cold is it in Oslo?" and len(messages) > 1:
            return "say It is -3 °C in Oslo."
        if last["role"] == "tool":
            results = [m for m in messages if m["role"] == "tool"]
            return "say results: " + ", ".join(m["content"] for m in results)
        if self.anthropic and isinstance(last["content"], list) and last["content"][0]["type"] == "tool_result":
            parts = [part for m in messages if isinstance(m["content"], list) for part in m["content"]]
            results = [part for part in parts if part["type"] == "tool_result"]
            texts = [("error: " if part["is_error"] else "") + part["content"] for part in results]
            return "say results: " + ", ".join(texts)
        return text_of(last["content"])

    def act(self, prompt):
        with lock:
            tries[prompt] = count = tries.get(prompt, 0) + 1
        known = ANSWERS.get(prompt)
        if isinstance(known, tuple):
            return self.reply("", [known])
        if known:
            return self.act_json(known, count)
        verb, _, rest = prompt.partition(" ")
        action = getattr(self, "act_" + verb, None)
        if action is None:
            return self.fail(400, "invalid_request_error", f"the model does not understand {prompt}")
        action(rest, count)

    # What it does ---------------------------------------------------------------------------------------------------

    def act_say(self, text, _):
        self.reply(text)

    def act_plain(self, text, _):
        """As a server that cannot stream."""
        self.streams = False
        self.reply(text)

    def act_echo(self, _, __):
        document = self.request_document
        self.reply(json.dumps({key: document[key] for key in sorted(document) if key != "messages"}))

    def act_messages(self, _, __):
        self.reply(json.dumps([self.request_document.get("system"), self.request_document["messages"]]))

    def act_key(self, _, __):
        self.reply(f"your key is {self.key}, is it not?")

    def act_call(self, rest, _):
        name, _, arguments = rest.partition(" ")
        self.reply("", [(name, arguments)])

    def act_forever(self, rest, _):
        """Calls a tool again whatever it says."""
        self.reply("", [("again", "{}")])

    def act_twice(self, _, __):
        self.reply("two at once", [("add", '{"a": 1, "b": 2}'), ("add", '{"a": 3, "b": 4}')])

    def act_json(self, text, _):
        """As an answer: for messages, the arguments of the tool that was asked for."""
        if self.anthropic and any(tool["name"] == "answer" for tool in self.request_document.get("tools", [])):
            return self.reply("", [("answer", text)])
        self.reply(text)

    def act_flaky(self, rest, count):
        """`flaky 2 500`: the first two times a 500."""
        failures, status = (int(word) for word in rest.split()[:2])
        if count > failures:
            return self.reply(f"answered at try {count}")
        self.fail(status, "api_error", "try later", {"Retry-After": "1"} if status == 429 else {})

    def act_spent(self, _, __):
        self.fail(429, "insufficient_quota", "you have no money")

    def act_later(self, _, __):
        self.fail(429, "rate_limit_error", "much too fast", {"Retry-After": "3600"})

    def act_hang(self, _, __):
        """Says nothing at all."""
        stopped.wait(60)

    def act_stall(self, _, __):
        """Begins, and never goes on."""
        self.begin_stream()
        self.event(self.piece("begun"))
        stopped.wait(60)

    def act_drop(self, _, count):
        """Closes the connection without an answer, the first time."""
        if count > 1:
            return self.reply(f"answered at try {count}")
        self.close_connection = True

    def act_cut(self, _, __):
        """Breaks off in the middle of the answer."""
        self.begin_stream()
        self.event(self.piece("the begin"))
        self.close_connection = True

    def act_end(self, _, __):
        """Ends the body properly, but not the answer."""
        self.begin_stream()
        self.event(self.piece("the begin"))
        self.chunk(b"")

    def act_error(self, _, __):
        """An error event inside the stream."""
        self.begin_stream()
        self.event(self.piece("the begin"))
        self.event({"type": "error", "error": {"type": "overloaded_error", "message": f"overloaded {self.key}"}})
        self.chunk(b"")

    def act_bad(self, _, __):
        self.answer(200, '{"choices": [oops ' + self.key)

    def act_garbage(self, _, __):
        self.begin_stream()
        self.event(self.key + " is no JSON")
        self.chunk(b"")

    def act_huge(self, _, __):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.close_connection = True
        try:
            for _ in range(64):
                self.wfile.write(b" " * (1 << 20))
        except OSError:
            pass

    # How it is said -------------------------------------------------------------------------------------------------

    def fail(self, status, kind, message, headers={}):
        error = {"type": kind, "message": message}
        if not self.anthropic:
            error["code"] = kind
        self.answer(status, json.dumps({"type": "error", "error": error}), headers)

    def answer(self, status, body, headers={}):
        body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def reply(self, text, calls=()):
        if self.anthropic:
            self.reply_messages(text, calls)
        else:
            self.reply_completions(text, calls)

    def begin_stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def event(self, document):
        text = document if isinstance(document, str) else json.dumps(document)
        kind = f"event: {document['type']}\n" if self.anthropic and isinstance(document, dict) else ": a comment\n"
        data = f"{kind}data: {text}\n\n".encode()
        # In two parts, which meet anywhere.
        self.chunk(data[: len(data) // 2])
        self.chunk(data[len(data) // 2:])

    def piece(self, text):
        if self.anthropic:
            return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        return {"model": "test-1", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}

    @staticmethod
    def pieces(text):
        return [text[at: at + 5] for at in range(0, len(text), 5)]

    def reply_completions(self, text, calls):
        usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        reason = "tool_calls" if calls else "stop"
        listed = [
            {"index": i, "id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for i, (name, arguments) in enumerate(calls)
        ]
        if not self.streams:
            message = {"role": "assistant", "content": text or None, "tool_calls": listed or None}
            choice = {"index": 0, "message": message, "finish_reason": reason}
            return self.answer(200, json.dumps({"model": "test-1", "choices": [choice], "usage": usage}))
        self.begin_stream()
        for piece in self.pieces(text):
            self.event(self.piece(piece))
        for call in listed:
            whole = call["function"]["arguments"]
            call["function"]["arguments"] = ""
            self.event({"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]})
            for piece in self.pieces(whole):
                more = {"index": call["index"], "function": {"arguments": piece}}
                self.event({"choices": [{"index": 0, "delta": {"tool_calls": [more]}, "finish_reason": None}]})
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        self.event({"choices": [], "usage": usage})
        self.event("[DONE]")
        self.chunk(b"")

    def reply_messages(self, text, calls):
        reason = "tool_use" if calls else "end_turn"
        blocks = [{"type": "text", "text": text}] if text else []
        for i, (name, arguments) in enumerate(calls):
            blocks.append({"type": "tool_use", "id": f"toolu_{i}", "name": name, "input": arguments})
        if not self.streams:
            for block in blocks:
                if block["type"] == "tool_use":
                    block["input"] = json.loads(block["input"])
            usage = {"input_tokens": 7, "output_tokens": 3}
            message = {"type": "message", "role": "assistant", "model": "test-1", "content": blocks}
            return self.answer(200, json.dumps({**message, "stop_reason": reason, "usage": usage}))
        self.begin_stream()
        usage = {"input_tokens": 7, "output_tokens": 1}
        self.event({"type": "message_start", "message": {"model": "test-1", "content": [], "usage": usage}})
        self.event({"type": "ping"})
        for index, block in enumerate(blocks):
            whole = block.get("text") or block["input"]
            is_text = block["type"] == "text"
            block = {**block, "text": ""} if is_text else {**block, "input": {}}
            self.event({"type": "content_block_start", "index": index, "content_block": block})
            for piece in self.pieces(whole):
                delta = {"type": "text_delta", "text": piece}
                if not is_text:
                    delta = {"type": "input_json_delta", "partial_json": piece}
                self.event({"type": "content_block_delta", "index": index, "delta": delta})
            self.event({"type": "content_block_stop", "index": index})
        self.event({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 3}})
        self.event({"type": "message_stop"})
        self.chunk(b"")


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients that go away in the middle are what some tests are about


def main():
    server = Server(("127.0.0.1", 0), Handler)
    path = sys.argv[1]
    with open(path + ".new", "w") as file:
        file.write(str(server.server_address[1]))
    os.rename(path + ".new", path)
    server.serve_forever()


main()
