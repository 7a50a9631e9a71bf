"""What the checks with jupyter_client share: an installed kernel, and what an execution showed."""

import contextlib
import os
import pathlib
import subprocess

from jupyter_client.manager import KernelManager

TIMEOUT = 60
NAME = "fleet-lua"


def install(program, prefix):
    """Registers the kernel below a prefix and lets Jupyter find it there."""
    subprocess.run([program, "install", "--prefix", prefix], check=True, stdout=subprocess.DEVNULL)
    os.environ["JUPYTER_PATH"] = os.path.join(prefix, "share", "jupyter")


@contextlib.contextmanager
def running_kernel():
    """A kernel that jupyter_client starts by its kernelspec: the manager, and a client that is ready."""
    manager = KernelManager(kernel_name=NAME)
    manager.start_kernel()
    try:
        yield manager, connect(manager)
    finally:
        if manager.is_alive():
            manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def connect(manager):
    client = manager.blocking_client()
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


def text(shown, name="stdout"):
    return "".join(content["text"] for kind, content in shown if kind == "stream" and content["name"] == name)


def results(shown):
    return [content["data"]["text/plain"] for kind, content in shown if kind == "execute_result"]


def value(client, code):
    """The text of an expression's value."""
    reply, shown = execute(client, code)
    assert reply["status"] == "ok", reply
    return results(shown)[0]


def replies(client, ids):
    """The replies on shell to the requests of these ids, in the order of the ids; none other may come."""
    found = {}
    while len(found) < len(ids):
        message = client.get_shell_msg(timeout=TIMEOUT)
        parent = message["parent_header"]["msg_id"]
        if parent not in ids and message["header"]["msg_type"] == "kernel_info_reply":
            continue  # wait_for_ready asks again and again
        assert parent in ids, f"a reply to somebody else: {message}"
        found[parent] = message
    return [found[id] for id in ids]


def published(client, ids):
    """What iopub carries until all requests of these ids are idle: messages by the id of their parent."""
    found = {id: [] for id in ids}
    missing = set(ids)
    while missing:
        message = client.get_iopub_msg(timeout=TIMEOUT)
        parent = message["parent_header"].get("msg_id")
        found.setdefault(parent, []).append(message)
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            missing.discard(parent)
    return found


def own_memory(pid):
    """Kilobytes of a process's memory that no file backs."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise AssertionError(f"no RssAnon of {pid}")
