"""Starts kernels through the gateway, through Jupyter Server and by hand, and asks for lists of kernels:
gateway.py DIRECTORY-OF-EXECUTABLES WORK-DIRECTORY EFFORT. Prints what it measured as JSON. Loopback only."""
import contextlib
import json
import os
import pathlib
import random
import re
import socket
import subprocess
import sys
import time
import uuid

import requests
import websocket
from jupyter_client import KernelManager

TOKEN = "benchmark-benchmark"
TIMEOUT = 120


def until(what, condition):
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.005)
    raise SystemExit(f"waited in vain for {what}")


class Server:
    """Something that answers Jupyter's API."""

    def __init__(self, url, token):
        self.url, self.token = url, token
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"token {token}"

    def start(self, name):
        """Starts a kernel; its id, and the seconds from the request to its `kernel_info_reply`."""
        begin = time.perf_counter()
        answer = self.http.post(self.url + "/api/kernels", json={"name": name}, timeout=TIMEOUT)
        answer.raise_for_status()
        kernel = answer.json()["id"]
        channel = self.connect(kernel)
        self.answer(channel, self.ask(channel, "kernel_info_request", {}))
        elapsed = time.perf_counter() - begin
        channel.close()
        return kernel, elapsed

    def connect(self, kernel):
        return websocket.create_connection(
            f"{self.url.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels?session_id={uuid.uuid4().hex}",
            timeout=TIMEOUT, header=[f"Authorization: token {self.token}"], suppress_origin=True,
            sockopt=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)])

    @staticmethod
    def ask(channel, kind, content):
        """Sends a request on the shell channel; its id."""
        message = uuid.uuid4().hex
        header = {"msg_id": message, "msg_type": kind, "session": "benchmark", "username": "", "version": "5.3",
                  "date": "2026-01-01T00:00:00.000000Z"}
        channel.send(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content,
                                 "channel": "shell", "buffers": []}))
        return message

    @staticmethod
    def answer(channel, asked):
        while True:
            message = json.loads(channel.recv())
            if message["channel"] == "shell" and message["parent_header"].get("msg_id") == asked:
                return message

    def stop(self, kernel):
        self.http.delete(f"{self.url}/api/kernels/{kernel}", timeout=TIMEOUT).raise_for_status()

    def started_and_stopped(self, name):
        kernel, elapsed = self.start(name)
        self.stop(kernel)
        return elapsed

    def requests_per_second(self, seconds):
        """As many as wrk gets answered by eight connections of one thread."""
        said = subprocess.run(
            ["wrk", "-t1", "-c8", f"-d{seconds}s", "-H", f"Authorization: token {self.token}",
             self.url + "/api/kernels"], check=True, capture_output=True, text=True, timeout=seconds + TIMEOUT).stdout
        if "Non-2xx" in said or "Socket errors" in said:
            raise SystemExit(said)
        return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])


def by_hand():
    """ipykernel, as jupyter_client starts it."""
    manager = KernelManager(kernel_name="python3")
    begin = time.perf_counter()
    manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = manager.client()
    client.start_channels(stdin=False, hb=False)
    asked = client.kernel_info()
    while client.get_shell_msg(timeout=TIMEOUT)["parent_header"].get("msg_id") != asked:
        pass
    elapsed = time.perf_counter() - begin
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return elapsed


@contextlib.contextmanager
def fleet(programs, place):
    home = place / "fleet"
    home.mkdir(mode=0o700)
    (home / "fleet.toml").write_text(
        f'[host]\nhttp = "127.0.0.1:0"\n[ports]\nbase = {5 * random.randint(2200, 2600)}\n')
    (home / "fleet.token").write_text(TOKEN + "\n")
    (home / "fleet.token").chmod(0o600)
    # The same ipykernel that Jupyter Server and jupyter_client find.
    environment = {**os.environ, "FLEET_HOME": str(home), "JUPYTER_PATH": f"{sys.prefix}/share/jupyter"}
    run = [f"{programs}/fleet"]
    subprocess.run(run + ["up"], env=environment, check=True, capture_output=True)
    try:
        status = json.loads(subprocess.run(run + ["status", "--json"], env=environment, check=True,
                                           capture_output=True).stdout)
        server = Server(status["http"], TOKEN)
        server.pid = status["pid"]
        yield server
    finally:
        subprocess.run(run + ["down", "--kernels"], env=environment, check=True, capture_output=True)


@contextlib.contextmanager
def jupyter_server(programs, place):
    """With ilua as `lua`, and our kernel as `fleet-lua`."""
    subprocess.run([f"{programs}/fleet-kernel", "install", "--name", "fleet-lua", "--prefix", str(place / "specs")],
                   check=True, capture_output=True)
    environment = {
        **os.environ, "JUPYTER_RUNTIME_DIR": str(place / "runtime"), "JUPYTER_CONFIG_DIR": str(place / "config"),
        "JUPYTER_DATA_DIR": str(place / "data"), "JUPYTER_PATH": str(place / "specs/share/jupyter"),
        "IPYTHONDIR": str(place / "ipython"), "FLEET_HOME": str(place)}
    with open(place / "jupyter.log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
             "--ServerApp.port=0", f"--ServerApp.token={TOKEN}", f"--ServerApp.root_dir={place}",
             "--ServerApp.log_level=ERROR"], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        def address():
            for path in (place / "runtime").glob("jpserver-*.json"):
                with contextlib.suppress(ValueError):  # half written
                    return json.loads(path.read_text())["url"].rstrip("/")
            return None

        yield Server(until("Jupyter Server", address), TOKEN)
    finally:
        process.terminate()
        process.wait(TIMEOUT)


def private_memory(pid):
    """Bytes that belong to the process alone, not to the file of its program."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^RssAnon:\s+(\d+) kB", text, re.M)[1]) << 10


def starts(ours, theirs, rounds):
    """Round by round, so that all meet the same machine."""
    measured = {"ipykernel by hand": [], "ipykernel": [], "lua": [], "ilua": []}
    for round_ in range(rounds + 1):
        found = {"ipykernel by hand": by_hand(), "ipykernel": ours.started_and_stopped("python3"),
                 "lua": ours.started_and_stopped("lua"), "ilua": theirs.started_and_stopped("lua")}
        if round_:  # the first one warms caches
            for name, seconds in found.items():
                measured[name].append(seconds)
    return measured


def clients(server, count):
    """Connects to so many of its kernels, runs a cell in each, leaves; open files of the host before, with and after."""
    def descriptors():
        return len(os.listdir(f"/proc/{server.pid}/fd"))

    def settled():
        return descriptors() <= before + 5

    kernels = [model["id"] for model in server.http.get(server.url + "/api/kernels", timeout=TIMEOUT).json()]
    before = descriptors()
    channels = [server.connect(kernel) for kernel in random.sample(kernels, count)]
    begin = time.perf_counter()
    asked = [server.ask(channel, "execute_request", {"code": "1", "silent": False}) for channel in channels]
    for channel, message in zip(channels, asked):
        if server.answer(channel, message)["content"]["status"] != "ok":
            raise SystemExit("a cell failed")
    elapsed, during = time.perf_counter() - begin, descriptors()
    for channel in channels:
        channel.close()
    until("the sockets to kernels to be closed", settled)
    return {"seconds": elapsed, "descriptors": [before, during, descriptors()]}


def main():
    programs, place, effort = sys.argv[1], pathlib.Path(sys.argv[2]), float(sys.argv[3])
    os.environ["IPYTHONDIR"] = str(place / "ipython")
    seconds = max(2, round(5 * effort))
    result = {}
    with fleet(programs, place) as ours:
        result["memory"] = {"empty": private_memory(ours.pid)}
        with jupyter_server(programs, place) as theirs:
            result["starts"] = starts(ours, theirs, max(5, round(20 * effort)))
            for server, name in ((ours, "lua"), (theirs, "fleet-lua")):
                for _ in range(10):
                    server.start(name)
            lists = {"ours": [], "theirs": []}
            for _ in range(3):
                lists["ours"].append(ours.requests_per_second(seconds))
                lists["theirs"].append(theirs.requests_per_second(seconds))
            result["lists of 10"] = lists
        before = private_memory(ours.pid)
        for _ in range(990):
            ours.http.post(ours.url + "/api/kernels", json={"name": "lua"}, timeout=TIMEOUT).raise_for_status()
        result["memory"]["per kernel"] = (private_memory(ours.pid) - before) / 990
        result["100 clients of 1000 kernels"] = clients(ours, 100)
        result["lists of 1000"] = [ours.requests_per_second(seconds) for _ in range(3)]
    print(json.dumps(result))


main()
