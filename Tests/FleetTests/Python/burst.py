"""Many start kernels at the same moment, each with an environment of its own; meanwhile the lists go on.

Arguments: URL, token, count, path of the list. Prints one JSON document: what was answered to whom, and what each kernel
finds in its environment, as the system knows it.
"""
import http.client
import json
import sys
import threading
import time
from urllib.parse import urlsplit

url, token, count, listed = urlsplit(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4:]
headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
barrier = threading.Barrier(count + len(listed))
answers: list = [None] * count
finished = threading.Event()
lists: dict = {path: {"ok": 0, "other": [], "slowest": 0.0} for path in listed}


def connect():
    return http.client.HTTPConnection(url.hostname, url.port, timeout=120)


def post(number):
    connection = connect()
    connection.connect()
    body = json.dumps({"owner": "admin", "env_vars": {f"WHO_{number}": str(number)}})
    barrier.wait()
    connection.request("POST", "/kernels", body, headers)
    response = connection.getresponse()
    answers[number] = (response.status, json.loads(response.read()))


def watch(path):
    connection, seen = connect(), lists[path]
    barrier.wait()
    while not finished.is_set():
        begun = time.monotonic()
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        body = response.read()
        seen["slowest"] = max(seen["slowest"], time.monotonic() - begun)
        if response.status == 200 and json.loads(body) is not None:
            seen["ok"] += 1
        else:
            seen["other"].append(response.status)


watchers = [threading.Thread(target=watch, args=(path,)) for path in listed]
posts = [threading.Thread(target=post, args=(number,)) for number in range(count)]
for thread in watchers + posts:
    thread.start()
for thread in posts:
    thread.join()
finished.set()
for thread in watchers:
    thread.join()

started, refused = [], []
for number, (status, document) in enumerate(answers):
    if status != 201:
        refused.append([status, document.get("code"), document.get("error")])
        continue
    with open(f"/proc/{document['kernel']['pid']}/environ", "rb") as file:
        names = [entry.split(b"=")[0].decode() for entry in file.read().split(b"\0")]
    started.append({"number": number, "finds": [name for name in names if name.startswith("WHO_")]})
print(json.dumps({"started": started, "refused": refused, "lists": lists}))
