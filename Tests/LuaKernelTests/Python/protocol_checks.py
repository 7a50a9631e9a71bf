"""The protocol as jupyter_client sees it, on kernels started by their kernelspec: protocol_checks.py FLEET_KERNEL PREFIX."""

import os
import sys
import traceback

from support import (
    TIMEOUT, connect, execute, install, own_memory, published, replies, results, running_kernel, text, value)


def check_clients_see_all_outputs_but_only_their_own_replies(manager, client):
    clients = [client] + [connect(manager) for _ in range(3)]
    rounds = 25
    asked = {}
    ids = [[] for _ in clients]
    for number in range(rounds):
        for index, one in enumerate(clients):
            name = f"{index}.{number}"
            id = one.execute(f"io.stderr:write('e{name}') print('o{name}') return '{name}'")
            ids[index].append(id)
            asked[id] = (one.session.session, name)
    counts = []
    for index, one in enumerate(clients):
        for reply in replies(one, ids[index]):
            assert reply["msg_type"] == "execute_reply" and reply["content"]["status"] == "ok", reply
            assert reply["parent_header"]["session"] == one.session.session, reply
            counts.append(reply["content"]["execution_count"])
    assert sorted(counts) == list(range(min(counts), min(counts) + rounds * len(clients))), counts
    for one in clients:
        seen = published(one, list(asked))
        for id, (session, name) in asked.items():
            messages = seen[id]
            assert all(message["parent_header"]["session"] == session for message in messages), messages
            kinds = [message["msg_type"] for message in messages]
            assert kinds == ["status", "execute_input", "stream", "stream", "execute_result", "status"], kinds
            shown = [(message["msg_type"], message["content"]) for message in messages]
            assert text(shown) == f"o{name}\n" and text(shown, "stderr") == f"e{name}", shown
            assert results(shown) == [name], shown
    for one in clients[1:]:
        one.stop_channels()


def check_input_is_asked_of_the_client_that_executes(manager, client):
    other = connect(manager)
    id = other.execute("return io.read()", allow_stdin=True)
    question = other.get_stdin_msg(timeout=TIMEOUT)
    assert question["parent_header"]["msg_id"] == id, question
    other.input("Ada")
    assert replies(other, [id])[0]["content"]["status"] == "ok"
    assert results([(m["msg_type"], m["content"]) for m in published(client, [id])[id]]) == ["Ada"]
    assert not client.stdin_channel.msg_ready()
    other.stop_channels()
    reply, _ = execute(client, "io.read()", allow_stdin=False)
    assert reply["status"] == "error" and "cannot be asked" in reply["evalue"], reply


def check_a_failure_aborts_what_was_queued(manager, client):
    other = connect(manager)
    gate = os.path.join(os.environ["FLEET_HOME"], "gate")
    ids = [client.execute(f"repeat local f = io.open('{gate}') until f error('first')")]
    ids += [client.execute(f"x = {number}") for number in range(5)]
    neighbour = other.execute("y = 1")
    open(gate, "w").close()
    statuses = [reply["content"]["status"] for reply in replies(client, ids)]
    assert statuses == ["error"] + ["aborted"] * 5, statuses
    assert replies(other, [neighbour])[0]["content"]["status"] == "ok"
    os.remove(gate)
    published(client, ids)
    assert value(client, "x") == "nil"
    ids = [client.execute(f"repeat local f = io.open('{gate}') until f error('again')", stop_on_error=False)]
    ids += [client.execute(f"x = {number}") for number in range(5)]
    open(gate, "w").close()
    statuses = [reply["content"]["status"] for reply in replies(client, ids)]
    assert statuses == ["error"] + ["ok"] * 5, statuses
    published(client, ids)
    assert value(client, "x") == "4"
    other.stop_channels()


def check_control_answers_while_code_runs(manager, client):
    infos = []

    def ask(message):
        if message["msg_type"] != "stream":
            return
        request = client.session.msg("kernel_info_request", {})
        client.control_channel.send(request)
        answer = client.get_control_msg(timeout=TIMEOUT)
        assert answer["parent_header"]["msg_id"] == request["msg_id"], answer
        infos.append(answer["content"])
        assert client.hb_channel.is_beating()
        manager.interrupt_kernel()

    reply, _ = execute(client, "print('runs') while true do end", ask)
    assert reply["ename"] == "Interrupted", reply
    assert infos[0]["status"] == "ok" and infos[0]["language_info"]["file_extension"] == ".lua", infos


def check_displays(manager, client):
    code = """
    local h = display({text = 'one', id = 'mine'})
    h:update({text = 'two'})
    clear_output(true)
    clear_output()
    display({png = '\\137PNG\\r\\n\\26\\n\\0\\255', metadata = {width = 1}})
    """
    _, shown = execute(client, code)
    shown = [(kind, content) for kind, content in shown if kind not in ("status", "execute_input")]
    assert [kind for kind, _ in shown] == [
        "display_data", "update_display_data", "clear_output", "clear_output", "display_data"], shown
    assert [content["transient"].get("display_id") for kind, content in shown[:2]] == ["mine", "mine"]
    assert [content["wait"] for kind, content in shown if kind == "clear_output"] == [True, False]
    assert shown[-1][1]["data"]["image/png"].startswith("iVBORw0KGgoA"), shown[-1]


def check_silence_and_storage(manager, client):
    execute(client, "1")
    before = value(client, "2")
    assert before == "2"
    reply, shown = execute(client, "print('quiet?') return 3", silent=True)
    assert results(shown) == [] and "execute_input" not in [kind for kind, _ in shown], shown
    count = reply["execution_count"]
    reply, _ = execute(client, "4", store_history=False)
    assert reply["execution_count"] == count, (reply, count)
    reply, _ = execute(client, "error('x')", silent=True)
    assert reply["status"] == "error", reply
    client.history(hist_access_type="tail", n=3, raw=True, output=False)
    history = client.get_shell_msg(timeout=TIMEOUT)["content"]["history"]
    assert [entry[2] for entry in history][-2:] == ["1", "2"], history
    reply, _ = execute(client, "v = 20", user_expressions={"twice": "v * 2", "rich": "{{a = 1}}", "bad": "nosuch.x"})
    values = reply["user_expressions"]
    assert values["twice"]["data"]["text/plain"] == "40", values
    assert "text/html" in values["rich"]["data"], values
    assert values["bad"]["status"] == "error" and values["bad"]["ename"] == "RuntimeError", values


def check_buffers_are_carried(manager, client):
    """Binary parts after the content belong to a message, whatever they hold."""
    for buffers in ([b""], [os.urandom(1 << 20)], [b"<IDS|MSG>", b"\0" * 10, b"{}"]):
        message = client.session.msg("execute_request", {
            "code": "return 'got it'", "silent": False, "store_history": True, "user_expressions": {},
            "allow_stdin": False, "stop_on_error": True})
        client.session.send(client.shell_channel.socket, message, buffers=buffers)
        id = message["msg_id"]
        assert replies(client, [id])[0]["content"]["status"] == "ok"
        assert results([(m["msg_type"], m["content"]) for m in published(client, [id])[id]]) == ["got it"]


def check_large_outputs_do_not_stay(manager, client):
    """100 MB in pieces arrive whole, and the kernel is afterwards as large as before."""
    pid = manager.provisioner.pid
    warm = "for i = 1, 100 do print(('x'):rep(1023)) end"
    execute(client, warm)
    before = own_memory(pid)
    received = 0

    def count(message):
        nonlocal received
        if message["msg_type"] == "stream":
            received += len(message["content"]["text"])

    # Not execute_interactive, which keeps nothing but is slow to poll.
    id = client.execute("for i = 1, 100 * 1024 do print(('x'):rep(1023)) end")
    while True:
        message = client.get_iopub_msg(timeout=TIMEOUT)
        count(message)
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            break
    assert replies(client, [id])[0]["content"]["status"] == "ok"
    assert received == 100 << 20, received
    after = own_memory(pid)
    print(f"100 MB of output: {before} kB before, {after} kB after")
    # What the allocator keeps for a while depends on how far the reader lagged behind.
    assert after - before <= 8192, (before, after)
    display = "display({text = ('y'):rep(10 << 20)})"
    _, shown = execute(client, display)
    assert [len(content["data"]["text/plain"]) for kind, content in shown if kind == "display_data"] == [10 << 20]
    assert value(client, "1") == "1"


def check_restart(manager, client):
    assert value(client, "marker == nil") == "true"
    execute(client, "marker = 1")
    ports = manager.get_connection_info()
    pid = manager.provisioner.pid
    manager.restart_kernel()
    assert manager.provisioner.pid != pid
    assert manager.get_connection_info() == ports
    again = connect(manager)
    assert value(again, "marker") == "nil"
    reply, _ = execute(again, "return 1")
    assert reply["execution_count"] == 2, reply
    again.stop_channels()


def check_shutdown_on_shell(manager, client):
    request = client.session.msg("shutdown_request", {"restart": False})
    client.shell_channel.send(request)
    reply = replies(client, [request["msg_id"]])[0]
    assert reply["msg_type"] == "shutdown_reply" and reply["content"] == {"status": "ok", "restart": False}, reply
    said = []
    while "shutdown_reply" not in said:
        said.append(client.get_iopub_msg(timeout=TIMEOUT)["msg_type"])
    assert manager.provisioner.process.wait(TIMEOUT) == 0


def check_shutdown_on_control(manager, client):
    id = client.execute("print('runs') while true do end")
    while client.get_iopub_msg(timeout=TIMEOUT)["msg_type"] != "stream":
        pass
    request = client.session.msg("shutdown_request", {"restart": True})
    client.control_channel.send(request)
    reply = client.get_control_msg(timeout=TIMEOUT)
    assert reply["content"] == {"status": "ok", "restart": True}, reply
    assert replies(client, [id])[0]["content"]["status"] == "error"
    assert manager.provisioner.process.wait(TIMEOUT) == 0


def main():
    install(sys.argv[1], sys.argv[2])
    checks = [check for name, check in globals().items() if name.startswith("check_")]
    endings = [check for check in checks if "shutdown" in check.__name__ or "restart" in check.__name__]
    failed = 0

    def run(check, manager, client):
        nonlocal failed
        try:
            check(manager, client)
            print(f"ok {check.__name__}")
        except Exception:
            failed += 1
            print(f"FAILED {check.__name__}\n{traceback.format_exc()}")

    with running_kernel() as (manager, client):
        for check in checks:
            if check not in endings:
                run(check, manager, client)
    for check in endings:
        with running_kernel() as (manager, client):
            run(check, manager, client)
    print(f"{len(checks)} checks, {failed} failed")
    sys.exit(1 if failed else 0)


main()
