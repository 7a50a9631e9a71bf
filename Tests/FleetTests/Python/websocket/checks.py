"""What a client of a kernel's WebSocket may rely on. Each check is one function: checks.py NAME KERNEL [ARGUMENT…]"""

import os
import signal
import sys
import time

import websocket
from kernel_socket import Closed, KernelSocket, eventually, http, replies, state, text


def execute(kernel, language):
    """Both framings: everything in order, nothing lost from the very first cell on."""
    printing = "print('first', 1)" if language == "python" else "print('first 1')"
    for v1 in (True, False):
        client = KernelSocket(kernel, v1)
        for _ in range(3):
            answers = client.run(printing)
            types = [m["type"] for m in answers if m["channel"] == "iopub"]
            assert types[0] == "status" and types[-1] == "status", types
            assert types.count("execute_input") == 1, types
            assert text(answers) == "first 1\n", answers
            (reply,) = replies(answers)
            assert reply["channel"] == "shell" and reply["content"]["status"] == "ok", reply
        answers = client.run("return 6 * 7" if language == "lua" else "6 * 7")
        (result,) = [m for m in answers if m["type"] == "execute_result"]
        assert result["content"]["data"]["text/plain"] == "42", result
        answers = client.run("error('no')" if language == "lua" else "raise ValueError('no')")
        assert [m["type"] for m in answers].count("error") == 1, answers
        assert replies(answers)[0]["content"]["status"] == "error"
        info = client.collect(client.send("kernel_info_request", {}))
        assert replies(info)[0]["content"]["language_info"]["name"] == language
        client.close()


def fresh(kernel, count):
    """The first cell of each first connection loses no output: the sockets to the kernel are made anew each time."""
    for number in range(int(count)):
        client = KernelSocket(kernel)
        answers = client.run(f"print({number})")
        assert text(answers) == f"{number}\n", answers
        client.close()


def buffers(kernel):
    """Binary buffers of comm messages, both ways, both framings."""
    for v1 in (True, False):
        client = KernelSocket(kernel, v1)
        client.run(
            "def opened(comm, message):\n"
            "    comm.on_msg(lambda m: comm.send({'n': len(m['buffers'])}, buffers=[bytes(b)[::-1] for b in m['buffers']]))\n"
            "get_ipython().kernel.comm_manager.register_target('echo', opened)"
        )
        client.send("comm_open", {"comm_id": f"c{v1}", "target_name": "echo", "data": {}})
        sent = [bytes(range(256)), b"", b"\x00\xff" * 70_000]
        client.send("comm_msg", {"comm_id": f"c{v1}", "data": {"a": 1}}, buffers=sent)
        answer = client.wait_for("the echo", lambda m: m["type"] == "comm_msg")
        assert answer["content"]["data"] == {"n": 3}, answer["content"]
        assert answer["buffers"] == [part[::-1] for part in sent]
        client.close()


def stdin(kernel):
    """The question goes to the client whose cell asks it, and to no other."""
    asker, other = KernelSocket(kernel), KernelSocket(kernel, v1=False)
    request = asker.execute("print('hello ' + input('name? '))")
    question = asker.wait_for("the question", lambda m: m["type"] == "input_request")
    assert question["channel"] == "stdin" and question["content"]["prompt"] == "name? ", question
    asker.send("input_reply", {"value": "alice", "status": "ok"}, channel="stdin", parent=question["header"])
    assert "hello alice" in text(asker.collect(request))
    seen = []
    other.wait_for("the end of the other's cell", lambda m: seen.append(m["type"]) or (state(m) == "idle" and "stream" in seen))
    assert "input_request" not in seen and "execute_reply" not in seen, seen
    asker.close()
    other.close()


def interrupt(kernel, language):
    """Over the control channel, while a cell runs."""
    client = KernelSocket(kernel)
    loop = "print('begun') while true do end" if language == "lua" else "print('begun', flush=True)\nwhile True: pass"
    request = client.execute(loop)
    client.wait_for("the loop to begin", lambda m: m["type"] == "stream")
    client.send("interrupt_request", {}, channel="control")
    answers = client.collect(request)
    assert any(m["type"] == "error" for m in answers), answers
    assert replies(answers)[0]["content"]["status"] == "error"
    assert text(client.run("print('alive')")) == "alive\n"
    client.close()


def restart(kernel):
    """The client stays connected, is told (not that it was a crash), and goes on with the new process."""
    client = KernelSocket(kernel, v1=False)
    client.run("x = 1")
    status, _ = http("POST", f"/kernels/{kernel}/restart")
    assert status == 200, status
    states = []
    client.wait_for("the restart", lambda m: states.append(state(m)) or state(m) == "idle" and "starting" in states)
    assert "restarting" not in states, states
    assert text(client.run("print(x == nil)")) == "true\n"
    client.close()


def dies(kernel, pid):
    """A kernel that is killed is started again, and its clients are told; what they ask meanwhile waits for it."""
    client = KernelSocket(kernel)
    client.run("x = 1")
    os.kill(int(pid), signal.SIGKILL)
    client.wait_for("restarting", lambda m: state(m) == "restarting")
    request = client.execute("print(x == nil)")
    assert text(client.collect(request)) == "true\n"
    client.close()


def ends(kernel):
    """A kernel that ends by itself is dead, and says so again to who asks; when its row goes, the connection ends."""
    client = KernelSocket(kernel)
    client.execute("os.exit(0)")
    client.wait_for("dead", lambda m: state(m) == "dead")
    client.execute("print(1)")
    client.wait_for("dead again", lambda m: state(m) == "dead")
    late = KernelSocket(kernel)
    late.wait_for("dead for who comes later", lambda m: state(m) == "dead")
    status, _ = http("DELETE", f"/kernels/{kernel}")
    assert status == 200, status
    for one in (client, late):
        try:
            while True:
                one.receive()
        except Closed as closed:
            assert closed.code == 1000 and "stopped" in closed.reason, closed


def replay(kernel, language):
    """What a cell says while its client is away comes when the client is back, once and in order."""
    for v1 in (True, False):
        for goodbye in (True, False):
            client = KernelSocket(kernel, v1)
            session = client.session.session
            waiting = "local t = os.clock() while os.clock() < t + 0.3 do end" if language == "lua" else "import time; time.sleep(0.3)"
            lines = [f"print('line {n}')" for n in range(200)]
            request = client.execute("\n".join(["print('begun')", waiting] + lines))
            client.wait_for("the beginning", lambda m: m["type"] == "stream")
            client.close() if goodbye else client.drop()
            other = KernelSocket(kernel)
            eventually("the cell to end", lambda: "200" in text(other.run("print(200)")))
            other.close()
            client = KernelSocket(kernel, v1, session_id=session)
            answers = client.collect(request)
            assert text(answers).split("\n")[-201:-1] == [f"line {n}" for n in range(200)], text(answers)
            assert len(replies(answers)) == 1
            assert text(client.run("print('on')")) == "on\n"
            client.close()


def tabs(kernel):
    """Two clients see all outputs, and each only its own answers; the same session twice is one client."""
    one, two = KernelSocket(kernel), KernelSocket(kernel, v1=False)
    ids = [one.execute("print('one')"), two.execute("print('two')")]
    for client, mine, theirs in ((one, *ids), (two, *reversed(ids))):
        seen = []
        client.collect(mine, on_message=seen.append)
        if not any(state(m) == "idle" and m["parent_header"].get("msg_id") == theirs for m in seen):
            client.wait_for("the other's end", lambda m: seen.append(m) or (state(m) == "idle" and m["parent_header"].get("msg_id") == theirs))
        assert "one\n" in text(seen) and "two\n" in text(seen), seen
        assert [m["parent_header"]["msg_id"] for m in replies(seen)] == [mine], seen
    again = KernelSocket(kernel, session_id=one.session.session)
    try:
        while True:
            one.receive()
    except Closed as closed:
        assert closed.code == 1000 and "taken this session over" in closed.reason, closed
    assert text(again.run("print('again')")) == "again\n"
    for client in (two, again):
        client.close()


def clients(kernel, count):
    """`count` clients of one kernel: documents and policies count each of them, and not the host's own sockets."""
    count = int(count)
    sockets = [KernelSocket(kernel, username=f"user{n}") for n in range(count)]
    for socket in sockets:
        socket.run("")
    _, document = http("GET", f"/kernels/{kernel}")
    assert document["kernel"]["connections"] == count, document
    names = document["kernel"]["clients"]
    assert len(names) == count and all(f"user{n} (session " in " ".join(names) for n in range(count)), names
    for socket in sockets:
        socket.close()
    eventually("nobody to be there", lambda: http("GET", f"/kernels/{kernel}")[1]["kernel"]["connections"] == 0)
    assert http("GET", f"/kernels/{kernel}")[1]["kernel"]["clients"] == []


def refused(kernel):
    """What is no WebSocket, no kernel, or no channel is told so."""
    status, body = http("GET", f"/api/kernels/{kernel}/channels")
    assert status == 400 and "WebSocket" in body["error"], (status, body)
    status, body = http("GET", "/api/kernels/00000000-0000-4000-8000-000000000000/channels")
    assert status == 404, (status, body)
    try:
        KernelSocket("00000000-0000-4000-8000-000000000000")
        raise AssertionError("a kernel that does not exist has channels")
    except websocket.WebSocketBadStatusException as problem:
        assert problem.status_code == 404, problem


def leaves(kernel):
    """Says that it is there; the host ends, and the connection ends with 1001."""
    client = KernelSocket(kernel)
    client.run("x = 1")
    print("connected", flush=True)
    try:
        while True:
            client.receive()
    except Closed as closed:
        assert closed.code == 1001, closed


if __name__ == "__main__":
    started = time.monotonic()
    globals()[sys.argv[1]](*sys.argv[2:])
    print("ok", flush=True)
