"""Compares framings with jupyter_server's own functions: framing.py INPUT OUTPUT.

Each line of INPUT is {"channel", "parts": [hexadecimal of header, parent header, metadata, content, buffer…],
"v1", "legacy", "legacy_is_text"}: a message and what was made of it. OUTPUT gets what jupyter_server makes of it."""

import json
import sys

from jupyter_server.services.kernels.connection.base import (
    deserialize_binary_message,
    deserialize_msg_from_ws_v1,
    serialize_binary_message,
    serialize_msg_to_ws_v1,
)

NAMES = ("header", "parent_header", "metadata", "content")

with open(sys.argv[1]) as lines, open(sys.argv[2], "w") as out:
    for number, line in enumerate(lines):
        case = json.loads(line)
        parts = [bytes.fromhex(part) for part in case["parts"]]
        channel, seen = deserialize_msg_from_ws_v1(bytes.fromhex(case["v1"]))
        assert channel == case["channel"] and seen == parts, (number, channel, seen)

        message = {name: json.loads(part) for name, part in zip(NAMES, parts)}
        message |= {"buffers": parts[4:], "channel": case["channel"]}
        legacy = bytes.fromhex(case["legacy"])
        assert case["legacy_is_text"] == (not message["buffers"]), number
        seen = json.loads(legacy) if case["legacy_is_text"] else deserialize_binary_message(legacy)
        if not case["legacy_is_text"]:
            # It turns dates into objects.
            for header in (seen["header"], seen["parent_header"]):
                if "date" in header:
                    header["date"] = header["date"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        assert (seen.pop("msg_id"), seen.pop("msg_type")) == (message["header"]["msg_id"], message["header"]["msg_type"])
        assert seen == message, (number, seen, message)

        theirs = serialize_binary_message(message) if message["buffers"] else json.dumps(message).encode()
        v1 = serialize_msg_to_ws_v1(parts, case["channel"])
        out.write(json.dumps({"v1": v1.hex(), "legacy": theirs.hex()}) + "\n")
