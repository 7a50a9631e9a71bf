"""Drives a running Lua kernel with jupyter_client: client_checks.py CONNECTION_FILE PID."""

import os
import signal
import sys

from jupyter_client import BlockingKernelClient

TIMEOUT = 30


def connect(path):
    client = BlockingKernelClient(connection_file=path)
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=TIMEOUT)
    return client


def execute(client, code, on_output=lambda message: None, **options):
    """Runs code; returns the reply's content and what was shown as (type, content) pairs."""
    shown = []

    def hook(message):
        shown.append((message["msg_type"], message["content"]))
        on_output(message)

    reply = client.execute_interactive(code, output_hook=hook, timeout=TIMEOUT, **options)
    return reply["content"], shown


def texts(shown, name):
    return "".join(content["text"] for kind, content in shown if kind == "stream" and content["name"] == name)


def results(shown):
    return [content["data"]["text/plain"] for kind, content in shown if kind == "execute_result"]


def main():
    path, pid = sys.argv[1], int(sys.argv[2])
    client = connect(path)

    info = client.kernel_info(reply=True, timeout=TIMEOUT)["content"]
    assert info["status"] == "ok" and info["language_info"]["name"] == "lua", info
    assert info["protocol_version"] == "5.5", info

    reply, shown = execute(client, "x = 5")
    assert reply["status"] == "ok" and reply["execution_count"] == 1, reply
    assert results(execute(client, "return x")[1]) == ["5"]

    _, shown = execute(client, "print('out') io.stderr:write('err')")
    assert texts(shown, "stdout") == "out\n" and texts(shown, "stderr") == "err", shown

    reply, shown = execute(client, "error('boom')")
    assert reply["status"] == "error" and reply["ename"] == "RuntimeError", reply
    assert reply["evalue"].endswith(":1: boom") and reply["traceback"], reply
    assert [kind for kind, _ in shown].count("error") == 1, shown

    second = connect(path)
    assert results(execute(second, "x")[1]) == ["5"], "state is shared by clients"

    def interrupt(message):
        if message["msg_type"] == "stream":
            client.control_channel.send(client.session.msg("interrupt_request", {}))

    reply, _ = execute(client, "print('runs') while true do pcall(function() while true do end end) end", interrupt)
    assert reply["status"] == "error" and reply["ename"] == "Interrupted", reply

    def kill(message):
        if message["msg_type"] == "stream":
            os.kill(pid, signal.SIGINT)

    reply, _ = execute(client, "print('runs') while true do end", kill)
    assert reply["status"] == "error", reply

    answers = []

    def answer(message):
        answers.append(message["content"]["prompt"])
        client.input("Ada")

    _, shown = execute(client, "print('hello ' .. io.read())", stdin_hook=answer, allow_stdin=True)
    assert texts(shown, "stdout") == "hello Ada\n" and len(answers) == 1, shown

    _, shown = execute(client, "local h = display{text = 'a', id = 'd'} h:update{text = 'b'} clear_output(true)")
    kinds = [kind for kind, _ in shown if kind not in ("status", "execute_input")]
    assert kinds == ["display_data", "update_display_data", "clear_output"], shown
    assert all(content["transient"] == {"display_id": "d"} for kind, content in shown if kind.endswith("display_data"))

    count = client.execute("1", silent=True) and client.get_shell_msg(timeout=TIMEOUT)["content"]["execution_count"]
    _, shown = execute(client, "2", store_history=False)
    assert [content["execution_count"] for kind, content in shown if kind == "execute_result"] == [count], shown
    reply, _ = execute(client, "v = 3", user_expressions={"twice": "v * 2", "bad": "nosuch.x"})
    values = reply["user_expressions"]
    assert values["twice"]["data"] == {"text/plain": "6"} and values["bad"]["status"] == "error", values

    assert client.hb_channel.is_beating()
    second.stop_channels()
    reply = client.shutdown(reply=True, timeout=TIMEOUT)["content"]
    assert reply == {"status": "ok", "restart": False}, reply
    client.stop_channels()


main()
