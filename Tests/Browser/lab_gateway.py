"""JupyterLab with a host as its gateway, as a person meets it: lab_gateway.py FLEET URL TOKEN DIRECTORY. FLEET_HOME names
the host, which is killed and started again in between."""

import json
import os
import pathlib
import signal
import subprocess
import sys

from lab import TIMEOUT, Lab, Notebook, until

LANGUAGES = {
    "lua": {"set": "x = 40", "see": "print(x)", "loop": "print('runs') while true do end", "none": "nil"},
    "python3": {"set": "x = 40", "see": "print(x)", "loop": "print('runs', flush=True)\nwhile True: pass",
                "none": "NameError"},
}


class Fleet:
    """The command line of the host."""

    def __init__(self, program):
        self.program = program

    def __call__(self, *arguments):
        return subprocess.run([self.program, *arguments], check=True, capture_output=True, text=True,
                              timeout=TIMEOUT).stdout

    def kernels(self):
        return json.loads(self("list", "--json"))["kernels"]

    def kill(self):
        """As a crash would; its kernels live on."""
        path = pathlib.Path(os.environ["FLEET_HOME"]) / "fleet.pid"
        pid = int(path.read_text())
        os.kill(pid, signal.SIGKILL)
        until("the host has ended", lambda: not pathlib.Path(f"/proc/{pid}/cmdline").exists()
              or not pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())



def shows(notebook, code, expected):
    notebook.append_and_run(code)
    until(f"{code!r} shows {expected!r}", lambda: expected in notebook.output(-1).inner_text())
    notebook.wait_until_idle()


def create(lab, kernelspec):
    """By the launcher, as people do."""
    url, token = lab.address
    lab.page.goto(f"{url}?token={token}&reset")
    card = lab.page.locator(f'.jp-LauncherCard[data-category="Notebook"]', has_text=titles[kernelspec])
    card.first.click()
    notebook = Notebook(lab.page)
    notebook.wait_until_started()
    return notebook


def work(fleet, notebook, kernelspec):
    words = LANGUAGES[kernelspec]
    notebook.append_and_run(words["set"])
    shows(notebook, words["see"], "40")
    mine = [k for k in fleet.kernels() if k["kernelspec"] == kernelspec]
    assert len(mine) == 1 and mine[0]["connections"] >= 1 and mine[0]["labels"]["source"] == "jupyter", mine
    notebook.append_and_run(words["loop"])
    until("the loop runs", lambda: "runs" in notebook.output(-1).inner_text())
    until("the host sees it", lambda: any(k["status"] == "busy" for k in fleet.kernels()))
    notebook.interrupt()
    notebook.wait_until_idle()
    shows(notebook, words["see"], "40")
    return mine[0]


def lose_the_host(fleet, notebook, kernelspec, kernel):
    words = LANGUAGES[kernelspec]
    fleet.kill()
    fleet("up")
    assert [k["uuid"] for k in fleet.kernels() if k["kernelspec"] == kernelspec] == [kernel["uuid"]]
    until("Jupyter Server has found the host again",
          lambda: any(k["connections"] >= 1 for k in fleet.kernels() if k["uuid"] == kernel["uuid"]))
    shows(notebook, words["see"], "40")


def come_back(lab, notebook, kernelspec):
    """The tab is closed and the notebook opened again."""
    name = notebook.page.evaluate("() => decodeURIComponent(location.pathname.split('/tree/')[1] || '')")
    notebook.page.keyboard.press("Control+s")
    until("the notebook is saved", lambda: (lab.files / name).exists() and "print(x)" in (lab.files / name).read_text())
    lab.page.close()
    lab.page = lab.browser.new_page(viewport={"width": lab.size[0], "height": lab.size[1]})
    lab.page.set_default_timeout(TIMEOUT * 1000)
    notebook = lab.open(name)
    shows(notebook, LANGUAGES[kernelspec]["see"], "40")
    return notebook


def crash(fleet, notebook, kernelspec, kernel):
    """Told once, also if it takes a while until the kernel is there again."""
    [pid] = [k["pid"] for k in fleet.kernels() if k["uuid"] == kernel["uuid"]]
    os.kill(pid, signal.SIGKILL)
    dialogs = notebook.page.locator(".jp-Dialog")
    until("people are told", lambda: dialogs.count() > 0)
    until("it is back", lambda: any(k["status"] == "idle" and k["pid"] != pid for k in fleet.kernels()))
    assert dialogs.count() == 1 and "appears to have died" in dialogs.first.inner_text(), dialogs.all_inner_texts()
    notebook.page.locator(".jp-Dialog .jp-mod-accept").click()
    shows(notebook, LANGUAGES[kernelspec]["see"], LANGUAGES[kernelspec]["none"])
    assert dialogs.count() == 0, dialogs.all_inner_texts()


def restart_and_end(fleet, notebook, kernelspec, kernel):
    notebook.restart()
    shows(notebook, LANGUAGES[kernelspec]["see"], LANGUAGES[kernelspec]["none"])
    # None that says that the kernel has died.
    assert notebook.page.locator(".jp-Dialog").count() == 0
    assert [k["uuid"] for k in fleet.kernels() if k["kernelspec"] == kernelspec] == [kernel["uuid"]]
    notebook.menu("Kernel", "Shut Down Kernel")
    until("the kernel has ended", lambda: not [k for k in fleet.kernels() if k["uuid"] == kernel["uuid"]])


titles = {"lua": "Lua 5.4 (Fleet)", "python3": "Python 3"}


def main():
    program, url, token, directory = sys.argv[1:5]
    fleet = Fleet(program)
    with Lab(directory, arguments=[f"--gateway-url={url}", f"--GatewayClient.auth_token={token}"]) as lab:
        try:
            for kernelspec in LANGUAGES:
                notebook = create(lab, kernelspec)
                kernel = work(fleet, notebook, kernelspec)
                lose_the_host(fleet, notebook, kernelspec, kernel)
                notebook = come_back(lab, notebook, kernelspec)
                crash(fleet, notebook, kernelspec, kernel)
                restart_and_end(fleet, notebook, kernelspec, kernel)
        except BaseException:
            lab.page.screenshot(path=f"{directory}/failure.png")
            print(lab.output())
            raise
    print("ok")


main()
