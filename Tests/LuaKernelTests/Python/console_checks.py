"""jupyter console on a terminal: console_checks.py FLEET_KERNEL PREFIX."""

import os
import signal
import sys

import pexpect
from support import NAME, TIMEOUT, install


COLOUR = r"(?:\x1b\[[0-9;]*m)*"


def prompt(kind, number):
    return rf"{kind} ?\[{COLOUR}{number}{COLOUR}\]"


def main():
    program, prefix = sys.argv[1:]
    # Threads of Swift's pool, which start this script, block signals; the console would inherit that.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    install(program, prefix)
    console = pexpect.spawn(
        sys.executable, ["-m", "jupyter_console", "--kernel", NAME], encoding="utf-8", timeout=TIMEOUT,
        dimensions=(40, 120), env=dict(os.environ, TERM="xterm", PROMPT_TOOLKIT_NO_CPR="1"))
    try:
        console.expect("kernel of Fleet")
        console.expect(prompt("In", 1))
        console.send("6 * 7\r")
        console.expect(prompt("Out", 1))
        console.expect("42")
        console.expect(prompt("In", 2))
        # Two lines: the first is incomplete, the second ends it.
        console.send("for i = 1, 2 do\r")
        console.expect(r"\.\.\.:")
        console.send("print('line', i) end\r")
        console.expect("line\t* *1")
        console.expect("line\t* *2")
        console.expect(prompt("In", 3))
        console.send("io.write('name? ') print('hello ' .. io.read())\r")
        console.expect(r"name\? ")
        console.send("Ada\r")
        console.expect("hello Ada")
        console.expect(prompt("In", 4))
        console.send("print('runs') while true do end\r")
        console.expect("runs\r\n")
        console.sendintr()
        console.expect("Interrupted")
        console.expect(prompt("In", 5))
        console.send("string.form\t")
        console.expect("string.format")
        console.sendcontrol("c")
        console.send("os.exit()\r")
        console.expect(pexpect.EOF)
    finally:
        console.close(force=True)
    print("ok")


main()
