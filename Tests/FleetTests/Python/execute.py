"""Executes code in a kernel through its connection file, as any Python client would, and prints what came back."""
import sys

from jupyter_client import BlockingKernelClient

client = BlockingKernelClient(connection_file=sys.argv[1])
client.load_connection_file()
client.start_channels()
client.wait_for_ready(timeout=20)
try:
    reply = client.execute_interactive(sys.argv[2], timeout=20)
    print(reply["content"]["status"])
except (RuntimeError, TimeoutError) as problem:
    print("no reply:", problem)
finally:
    client.stop_channels()
