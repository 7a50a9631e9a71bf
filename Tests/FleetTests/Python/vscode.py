"""The requests of VS Code's "existing Jupyter server", in its order: vscode.py URL TOKEN."""
import json
import sys
import time
import uuid

import requests
import websocket

url, token = sys.argv[1:3]
http = requests.Session()
http.headers["Authorization"] = f"token {token}"

# Whether a password is asked for: 200 and 404 mean that it is not. No token is sent with these.
for path in ("/", "/tree?", "/tree"):
    assert requests.get(url + path, timeout=20, allow_redirects=False).status_code == 200, path
assert requests.get(url + "/api", timeout=20).json()["version"]
# Without a token there is nothing to see.
assert requests.get(url + "/api/kernels", timeout=20).status_code == 401

stamp = int(time.time() * 1000)
for path in ("kernelspecs", "kernels", "sessions", "status"):
    for end in (f"?{stamp}", "", "/"):
        answer = http.get(f"{url}/api/{path}{end}", timeout=20)
        assert answer.status_code == 200, (path, end, answer.text)
    # The token may stand in the address, too, and some clients look before they ask.
    assert requests.get(f"{url}/api/{path}?token={token}", timeout=20).status_code == 200, path
    assert http.head(f"{url}/api/{path}", timeout=20).status_code == 200, path
specs = http.get(url + "/api/kernelspecs", timeout=20).json()
assert specs["default"] in specs["kernelspecs"]
logo = http.get(url + specs["kernelspecs"]["lua"]["resources"]["logo-64x64"], timeout=20)
assert logo.headers["Content-Type"] == "image/png" and logo.content[:4] == b"\x89PNG"

# A notebook: a session with a kernel.
path = f"/jvsc-{uuid.uuid4()}.ipynb"
body = {"path": path, "type": "notebook", "name": "x.ipynb", "kernel": {"name": "lua"}}
made = http.post(url + "/api/sessions", json=body, timeout=60)
assert made.status_code == 201, made.text
session = made.json()
assert made.headers["Location"] == f"/api/sessions/{session['id']}"
kernel = session["kernel"]
assert kernel.keys() == {"id", "name", "last_activity", "execution_state", "connections"}, kernel
assert http.post(url + "/api/sessions", json=body, timeout=60).json()["id"] == session["id"], "the same path"


def execute(code):
    """What it printed. The binary framing of `v1.kernel.websocket.jupyter.org`, as VS Code asks for it."""
    client = uuid.uuid4().hex
    address = url.replace("http", "ws", 1) + f"/api/kernels/{kernel['id']}/channels?session_id={client}&token={token}"
    channel = websocket.create_connection(
        address, timeout=30, subprotocols=["v1.kernel.websocket.jupyter.org"], suppress_origin=True)
    assert channel.subprotocol == "v1.kernel.websocket.jupyter.org"
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": client, "username": "",
              "version": "5.3", "date": "2026-01-01T00:00:00.000000Z"}
    content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
    parts = [b"shell"] + [json.dumps(part).encode() for part in (header, {}, {}, content)]
    offsets = [8 * (len(parts) + 2)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    numbers = b"".join(n.to_bytes(8, "little") for n in [len(offsets), *offsets])
    channel.send_binary(numbers + b"".join(parts))
    text, idle, replied = "", False, False
    while not (idle and replied):
        data = channel.recv()
        count = int.from_bytes(data[:8], "little")
        ends = [int.from_bytes(data[8 * i:8 * i + 8], "little") for i in range(1, count + 1)]
        frames = [data[a:b] for a, b in zip(ends, ends[1:])]
        head, parent, _, content = map(json.loads, frames[1:5])
        if parent.get("msg_id") != header["msg_id"]:
            continue
        if head["msg_type"] == "stream":
            text += content["text"]
        replied = replied or head["msg_type"] == "execute_reply"
        idle = idle or content.get("execution_state") == "idle"
    channel.close()
    return text.strip()


assert execute("x = 6 print(x * 7)") == "42"
assert http.post(f"{url}/api/kernels/{kernel['id']}/interrupt", timeout=20).status_code == 204
restarted = http.post(f"{url}/api/kernels/{kernel['id']}/restart", timeout=60)
assert restarted.status_code == 200 and restarted.json()["id"] == kernel["id"]
assert execute("print(x)") == "nil"

# A rename, another kernel, a look, the end.
address = f"{url}/api/sessions/{session['id']}"
assert http.patch(address, json={"path": "/y.ipynb", "name": "y.ipynb"}, timeout=20).json()["path"] == "/y.ipynb"
changed = http.patch(address, json={"kernel": {"name": "lua"}}, timeout=60).json()
assert changed["kernel"]["id"] != kernel["id"]
assert [k["id"] for k in http.get(url + "/api/kernels", timeout=20).json()] == [changed["kernel"]["id"]]
assert http.delete(address, timeout=60).status_code == 204
for path in (address, f"{url}/api/kernels/{kernel['id']}"):
    gone = http.get(path, timeout=20)
    assert gone.status_code == 404 and {"reason", "message"} <= gone.json().keys(), gone.text
assert http.get(url + "/api/sessions", timeout=20).json() == []

# What cannot be.
for method, path, json_body, status in (
        ("POST", "/api/kernels", {"name": "nothing"}, 404), ("POST", "/api/sessions", {"type": "notebook"}, 400),
        ("POST", "/api/sessions", {"path": "x"}, 400), ("PATCH", "/api/sessions/nothing", {}, 404),
        ("DELETE", f"/api/kernels/{uuid.uuid4()}", None, 404)):
    answer = http.request(method, url + path, json=json_body, timeout=20)
    assert answer.status_code == status and answer.json()["message"], (path, answer.status_code, answer.text)
bad = http.post(url + "/api/kernels", data="{", timeout=20)
assert bad.status_code == 400 and bad.json()["message"], bad.text
assert http.get(url + "/kernelspecs/lua/../../etc/passwd", timeout=20).status_code == 404
print("ok")
