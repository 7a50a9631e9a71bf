"""Jupyter Server with a host as its gateway: gateway_client.py URL TOKEN. Its own managers make every call that they
have, and cells run through its WebSocket. A warning in its log is a failure."""
import asyncio
import json
import logging
import os
import sys
import tempfile
import uuid

from jupyter_server.serverapp import ServerApp
from tornado.websocket import websocket_connect

TIMEOUT = 60


class Warnings(logging.Handler):
    """What the server's log says that should not be there."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.said = []

    def emit(self, record):
        self.said.append(record.getMessage())


def server(url, token):
    directory = tempfile.mkdtemp(prefix="jupyter-", dir=os.environ["HOME"])
    for name in ("CONFIG", "DATA", "RUNTIME"):
        os.environ[f"JUPYTER_{name}_DIR"] = f"{directory}/{name.lower()}"
    app = ServerApp()
    app.initialize(argv=[
        f"--GatewayClient.url={url}", f"--GatewayClient.auth_token={token}", "--no-browser", "--allow-root",
        "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--ServerApp.token=here", f"--ServerApp.root_dir={directory}",
        # Its own default for browsers is longer than it likes, and that is a warning for every WebSocket.
        "--ServerApp.tornado_settings={'ws_ping_timeout': 30000}"])
    app.start_app()
    return app


async def until(what, condition):
    for _ in range(TIMEOUT * 20):
        value = await condition()
        if value:
            return value
        await asyncio.sleep(0.05)
    raise AssertionError(f"still not true: {what}")


async def kernelspecs(manager):
    specs = await manager.get_all_specs()
    assert {"lua", "python3"} <= specs.keys(), specs
    for name, spec in specs.items():
        assert spec["name"] == name and isinstance(spec["spec"]["argv"], list) and "resources" in spec, spec
    assert (await manager.get_kernel_spec("lua"))["spec"]["language"] == "lua"
    try:
        await manager.get_kernel_spec("nothing")
        raise AssertionError("there is no such kernelspec")
    except KeyError:
        pass
    assert (await manager.get_kernel_spec_resource("lua", "logo-64x64.png"))[:4] == b"\x89PNG"
    assert await manager.get_kernel_spec_resource("lua", "nothing.png") is None


class Channels:
    """A client of Jupyter Server's own WebSocket, which leads to the gateway's."""

    def __init__(self, app, kernel):
        self.session = uuid.uuid4().hex
        self.address = (
            f"ws://127.0.0.1:{app.port}/api/kernels/{kernel}/channels?token=here&session_id={self.session}")

    async def open(self):
        self.socket = await websocket_connect(self.address)
        return self

    async def execute(self, code):
        """The text of what it printed and returned, and the reply's status."""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": self.session,
                  "username": "test", "version": "5.3", "date": "2026-01-01T00:00:00.000000Z"}
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        await self.socket.write_message(json.dumps(
            {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}))
        text, status, idle = "", None, False
        while status is None or not idle:
            message = json.loads(await asyncio.wait_for(self.socket.read_message(), TIMEOUT))
            if message["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "stream":
                text += content["text"]
            elif kind == "execute_result":
                text += content["data"]["text/plain"]
            elif kind == "execute_reply":
                status = content["status"]
            elif kind == "status":
                idle = content["execution_state"] == "idle"
        return text.strip(), status


async def kernels(app, manager):
    ids = {}
    for name, code in (("lua", "x = 40"), ("python3", "x = 40")):
        ids[name] = await manager.start_kernel(kernel_name=name, path="")
        model = await manager.kernel_model(ids[name])
        assert model["id"] == ids[name] and model["name"] == name, model
        channels = await Channels(app, ids[name]).open()
        assert await channels.execute(code) == ("", "ok")
        assert await channels.execute("print(x + 2)") == ("42", "ok")
        await manager.interrupt_kernel(ids[name])
        assert await channels.execute("print(x + 3)") == ("43", "ok"), "an interrupt of nothing changes nothing"
        loop = asyncio.ensure_future(channels.execute("while True: pass" if name == "python3" else "while true do end"))

        async def busy():
            return {m["id"]: m for m in await manager.list_kernels()}[ids[name]]["execution_state"] == "busy"

        await until("the loop runs", busy)
        await manager.interrupt_kernel(ids[name])
        assert (await loop)[1] == "error"
        listed = {m["id"]: m for m in await manager.list_kernels()}
        assert listed[ids[name]]["connections"] == 1, listed
        await manager.restart_kernel(ids[name])
        assert (await channels.execute("print(x)"))[1 if name == "python3" else 0] in ("error", "nil")
        channels.socket.close()
        assert await manager.get_kernel(ids[name]).is_alive()
    assert {m["id"] for m in await manager.list_kernels()} == set(ids.values())
    manager.cull_idle_timeout = 3600  # by itself it would never cull; 0 ends everything
    await manager.cull_kernels()
    # Another server, or this one after its own restart, finds a kernel by its id.
    manager._kernels.pop(ids["lua"])
    assert await manager.start_kernel(kernel_id=ids["lua"]) == ids["lua"]
    await manager.shutdown_kernel(ids["lua"])
    await manager.shutdown_all()
    assert await manager.list_kernels() == []


async def sessions(manager):
    made = await manager.create_session(path="a.ipynb", name="a", type="notebook", kernel_name="lua")
    assert await manager.session_exists(path="a.ipynb")
    await manager.update_session(made["id"], path="b.ipynb")
    assert (await manager.get_session(session_id=made["id"]))["path"] == "b.ipynb"
    assert [s["kernel"]["id"] for s in await manager.list_sessions()] == [made["kernel"]["id"]]
    await manager.delete_session(made["id"])
    assert await manager.list_sessions() == []


async def script(app):
    await kernelspecs(app.kernel_spec_manager)
    await kernels(app, app.kernel_manager)
    await sessions(app.session_manager)


def main():
    app = server(*sys.argv[1:3])
    warnings = Warnings()
    app.log.addHandler(warnings)
    app.io_loop.run_sync(lambda: script(app))
    assert not warnings.said, "\n".join(warnings.said)
    print("ok")


main()
