"""A person at a terminal that is slower than what the code prints: terminal.py FLEET KERNEL CODE. Says how the command
ended after one Ctrl-C."""

import os
import pty
import sys
import time

program, kernel, code = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(program, [program, "exec", kernel, code])
read, pressed = 0, False
while True:
    try:
        part = os.read(terminal, 3000)
    except OSError:  # its other end is closed
        break
    read += len(part)
    time.sleep(0.01)
    # Far less than what is waiting by now.
    if read > 200_000 and not pressed:
        os.write(terminal, b"\x03")
        pressed = True
    # What is left of a flood would take minutes to read.
    assert read < 3_000_000, "it goes on"
_, status = os.waitpid(pid, 0)
print(os.waitstatus_to_exitcode(status))
