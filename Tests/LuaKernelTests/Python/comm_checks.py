"""Comms and passwords with jupyter_client: comm_checks.py FLEET_KERNEL PREFIX."""

import sys

import support
from support import TIMEOUT, execute, results, text, value

BYTES = bytes(range(256)) * 1000

SETUP = """
comm.register("echo", function(comm, data, buffers)
  comm:send({ opened = data.x, buffers = #buffers }, nil, buffers)
  comm:on_message(function(data, buffers)
    print("got", data.text)
    local reversed = {}
    for i, buffer in ipairs(buffers) do reversed[i] = buffer:reverse() end
    comm:send({ echo = data.text, list = data.list }, { note = "m" }, reversed)
  end)
  comm:on_close(function(data) closed = data.why end)
  last = comm
end)
comm.register("broken", function(comm) error("cannot open", 0) end)
"""


def send(client, kind, content, buffers=None):
    """Sends a comm message; returns what iopub carried for it, without status and text."""
    message = client.session.msg(kind, content)
    client.session.send(client.shell_channel.socket, message, buffers=buffers)
    own = support.published(client, [message["header"]["msg_id"]])[message["header"]["msg_id"]]
    return [m for m in own if m["msg_type"] != "status"]


def kinds(messages):
    return [message["msg_type"] for message in messages]


def comms(client, **target):
    message = client.session.msg("comm_info_request", target)
    client.shell_channel.send(message)
    return support.replies(client, [message["header"]["msg_id"]])[0]["content"]["comms"]


def opened_by_client(client):
    execute(client, SETUP)
    opening = {"comm_id": "c1", "target_name": "echo", "data": {"x": 5}}
    (reply,) = send(client, "comm_open", opening, [BYTES])
    assert reply["msg_type"] == "comm_msg" and reply["content"]["comm_id"] == "c1", reply
    assert reply["content"]["data"] == {"opened": 5, "buffers": 1}, reply
    assert [bytes(b) for b in reply["buffers"]] == [BYTES], "a buffer comes back as it was"
    assert comms(client) == {"c1": {"target_name": "echo"}}, comms(client)
    assert comms(client, target_name="other") == {}

    data = {"text": "grüß", "list": [1, {"a": True}]}
    shown = send(client, "comm_msg", {"comm_id": "c1", "data": data}, [b"ab\0", b""])
    assert kinds(shown) == ["stream", "comm_msg"], shown
    assert shown[0]["content"]["text"] == "got\tgrüß\n"
    assert shown[1]["content"]["data"] == {"echo": "grüß", "list": data["list"]}, shown
    assert shown[1]["metadata"] == {"note": "m"}
    assert [bytes(b) for b in shown[1]["buffers"]] == [b"\0ba", b""]

    assert send(client, "comm_close", {"comm_id": "c1", "data": {"why": "done"}}) == []
    assert value(client, "closed, last.is_open") == "done\tfalse"
    assert comms(client) == {}
    reply, _ = execute(client, "last:send{} x = 1")
    assert reply["evalue"] == "cell 3:1: comm: comm echo c1 is closed", reply


def nobody_there(client):
    (reply,) = send(client, "comm_open", {"comm_id": "c2", "target_name": "nosuch", "data": {}})
    assert reply["msg_type"] == "comm_close" and reply["content"]["comm_id"] == "c2", reply
    assert send(client, "comm_msg", {"comm_id": "c2", "data": {}}) == []
    assert send(client, "comm_close", {"comm_id": "c2", "data": {}}) == []
    shown = send(client, "comm_open", {"comm_id": "c3", "target_name": "broken", "data": {}})
    assert sorted(kinds(shown)) == ["comm_close", "stream"], shown
    assert "cannot open" in [m for m in shown if m["msg_type"] == "stream"][0]["content"]["text"]
    assert comms(client) == {}
    for content in ({}, {"comm_id": 7}, {"data": []}):
        send(client, "comm_open", content)
        send(client, "comm_msg", content)


def opened_by_script(client):
    shown = []
    client.execute_interactive(
        "c = comm.open('widget', { state = { n = 1 } }, { version = '2.1.0' }, { 'raw\\0' })"
        " c:on_message(function(data) heard = data.n end) c:send{ n = 2 }",
        output_hook=shown.append, timeout=TIMEOUT)
    opening, update = [m for m in shown if m["msg_type"].startswith("comm")]
    assert opening["msg_type"] == "comm_open" and opening["content"]["target_name"] == "widget", opening
    assert opening["content"]["data"] == {"state": {"n": 1}} and opening["metadata"] == {"version": "2.1.0"}
    assert [bytes(b) for b in opening["buffers"]] == [b"raw\0"]
    identity = opening["content"]["comm_id"]
    assert update["content"] == {"comm_id": identity, "data": {"n": 2}}, update
    send(client, "comm_msg", {"comm_id": identity, "data": {"n": 3}})
    assert value(client, "heard") == "3"
    _, shown = execute(client, "c:close{ why = 'over' } c:close()")
    closing = [content for kind, content in shown if kind == "comm_close"]
    assert closing == [{"comm_id": identity, "data": {"why": "over"}}], shown
    for code, problem in (
        ("comm.open(5)", "comm.open: the target is a name, not a number"),
        ("comm.open('a', 'b')", "comm: data must be a table, not a string"),
        ("comm.open('a', {}, {}, { 5 })", "comm: a buffer is a string, not a number"),
        ("comm.register('a', 1)", "comm: what a target calls must be a function, not a number"),
    ):
        reply, _ = execute(client, code)
        assert reply["evalue"].endswith(problem), (code, reply)


def stops(client):
    """What a comm runs can be interrupted, and what it raises ends nothing."""
    execute(client, "comm.register('loop', function() print('runs') while true do end end)")
    message = client.session.msg("comm_open", {"comm_id": "c4", "target_name": "loop", "data": {}})
    client.shell_channel.send(message)
    texts = ""
    while True:
        shown = client.get_iopub_msg(timeout=TIMEOUT)
        if shown["parent_header"].get("msg_id") != message["header"]["msg_id"]:
            continue
        if shown["msg_type"] == "stream":
            texts += shown["content"]["text"]
            if texts == "runs\n":
                client.control_channel.send(client.session.msg("interrupt_request", {}))
        if shown["msg_type"] == "status" and shown["content"]["execution_state"] == "idle":
            break
    assert "Interrupted" in texts, texts
    assert value(client, "1 + 1") == "2"


def passwords(client):
    asked = []

    def answer(message):
        asked.append(message["content"])
        client.input("secret")

    _, shown = execute(client, "print(#password('PIN: '), #password())", stdin_hook=answer, allow_stdin=True)
    assert text(shown) == "6\t6\n", shown
    assert asked == [{"prompt": "PIN: ", "password": True}, {"prompt": "Password: ", "password": True}], asked
    del asked[:]
    _, shown = execute(client, "return io.read()", stdin_hook=answer, allow_stdin=True)
    assert results(shown) == ["secret"] and asked == [{"prompt": "", "password": False}], asked
    reply, _ = execute(client, "x = password()", allow_stdin=False)
    assert reply["evalue"].endswith("password: the client that runs this code cannot be asked for input"), reply
    reply, _ = execute(client, "x = password(5)")
    assert reply["evalue"].endswith("password: the prompt must be a string"), reply


def main():
    support.install(*sys.argv[1:3])
    with support.running_kernel() as (_, client):
        opened_by_client(client)
        nobody_there(client)
        opened_by_script(client)
        stops(client)
        passwords(client)
        client.stop_channels()


main()
