"""JupyterLab in headless Chromium, for tests: a server of its own, a notebook, and what a person does with it.

with Lab(directory, environment) as lab:
    notebook = lab.open("example.ipynb")
    notebook.run_all()
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from playwright.sync_api import sync_playwright

TIMEOUT = 120
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def until(what, condition):
    """Waits for a condition; returns its value."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"still not true: {what}")


class Lab:
    """JupyterLab on a free port with a browser before it. Everything it writes is below the directory."""

    def __init__(self, directory, environment=None, arguments=(), size=(1400, 1700)):
        self.root = pathlib.Path(directory) / "lab"
        self.files = self.root / "files"
        self.files.mkdir(parents=True)
        self.environment = {
            **os.environ, "HOME": str(self.root), "IPYTHONDIR": str(self.root / "ipython"),
            "JUPYTER_CONFIG_DIR": str(self.root / "config"), "JUPYTER_DATA_DIR": str(self.root / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.root / "runtime"), **(environment or {})}
        self.arguments = list(arguments)
        self.size = size

    # Nothing is asked for on the network, a new notebook is saved without a question, and all cells are in the page, also
    # those that are scrolled away.
    SETTINGS = {
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        "docmanager-extension/plugin": {"renameUntitledFileOnSave": False},
        "notebook-extension/tracker": {"windowingMode": "none"},
    }

    def __enter__(self):
        for name, settings in self.SETTINGS.items():
            path = self.root / "config/lab/user-settings/@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(settings))
        self.log = open(self.root / "server.log", "w+", encoding="utf-8")
        # Some test runners start their children with signals blocked, and a server that hears none ends by force only.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
        self.server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0", "--ServerApp.ip=127.0.0.1",
             f"--ServerApp.root_dir={self.files}", "--LabApp.extension_manager=readonly", *self.arguments],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        try:
            self.address = until("JupyterLab answers", self._address)
            self.playwright = sync_playwright().start()
            self.browser = self.playwright.chromium.launch(
                executable_path=next(filter(None, map(shutil.which, BROWSERS))),
                args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"])
            width, height = self.size
            self.page = self.browser.new_page(viewport={"width": width, "height": height})
            self.page.set_default_timeout(TIMEOUT * 1000)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _address(self):
        if self.server.poll() is not None:
            raise AssertionError(f"JupyterLab has ended:\n{self.output()}")
        for path in (self.root / "runtime").glob("jpserver-*.json"):
            try:
                server = json.loads(path.read_text())
            except ValueError:  # half written
                continue
            return f"{server['url']}lab", server["token"]
        return None

    def output(self):
        """What the server has said."""
        return (self.root / "server.log").read_text(encoding="utf-8")

    def __exit__(self, *_):
        for part, end in (("browser", "close"), ("playwright", "stop")):
            if hasattr(self, part):
                getattr(getattr(self, part), end)()
        self.server.terminate()
        try:
            self.server.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()
        self.log.close()

    def open(self, name):
        """Opens a notebook of the server's files and waits until its kernel is idle."""
        url, token = self.address
        self.page.goto(f"{url}/tree/{name}?token={token}")
        notebook = Notebook(self.page)
        notebook.wait_until_started()
        return notebook


class Notebook:
    """The notebook in the page."""

    def __init__(self, page):
        self.page = page
        self.panel = page.locator(".jp-NotebookPanel")
        self.panel.wait_for()

    # Cells

    @property
    def cells(self):
        return self.panel.locator(".jp-Cell")

    @property
    def code_cells(self):
        return self.panel.locator(".jp-CodeCell")

    def prompts(self):
        """`[1]:`, `[*]:` or `[ ]:` of each code cell."""
        return self.panel.locator(".jp-CodeCell .jp-InputArea-prompt").all_inner_texts()

    def output(self, index):
        """The output of a code cell, counted from 0; negative ones from the end."""
        count = self.code_cells.count()
        return self.code_cells.nth(index % count).locator(".jp-OutputArea").first

    def append(self, code):
        """Adds a cell at the end, with the cursor behind its code."""
        self.page.keyboard.press("Escape")
        self.cells.last.click()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("b")
        self.page.keyboard.press("Enter")
        self.page.keyboard.insert_text(code)

    def run(self):
        """Runs the cell with the cursor, which keeps it."""
        self.page.keyboard.press("Control+Enter")

    def append_and_run(self, code):
        self.append(code)
        self.run()

    # The kernel

    def status(self):
        return self.panel.locator(".jp-Notebook-ExecutionIndicator").get_attribute("data-status")

    def wait_until_started(self):
        """Before it is, the notebook looks as if it was empty and idle."""
        bar = self.page.locator("#jp-main-statusbar")
        until("the notebook's kernel runs", lambda: "| Idle" in bar.inner_text())

    def wait_until_idle(self):
        until("the kernel is idle", lambda: self.status() == "idle")

    def run_all(self):
        self.menu("Run", "Run All Cells")
        self.wait_until_done()

    def wait_until_done(self):
        """Waits until every code cell has been executed and the kernel has nothing to do."""
        until("all cells are done", lambda: not any(" " in text or "*" in text for text in self.prompts()))
        self.wait_until_idle()

    def interrupt(self):
        self.menu("Kernel", "Interrupt Kernel")

    def restart(self):
        self.menu("Kernel", "Restart Kernel…")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.wait_until_idle()
        # None that says that the kernel has died.
        dialogs = self.page.locator(".jp-Dialog")
        assert dialogs.count() == 0, dialogs.first.inner_text()

    def menu(self, name, item):
        self.page.locator(".lm-MenuBar-item", has_text=name).first.click()
        self.page.locator(".lm-Menu-item", has_text=item).first.click()

    # Help while typing

    def completions(self):
        """Presses Tab; the completions that are offered. Enter takes the first, Escape none."""
        self.page.keyboard.press("Tab")
        self.page.locator(".jp-Completer-item").first.wait_for()
        return self.page.locator(".jp-Completer-item .jp-Completer-match").all_inner_texts()

    def tooltip(self):
        """Presses Shift-Tab; what the tooltip says."""
        self.page.keyboard.press("Shift+Tab")
        tooltip = self.page.locator(".jp-Tooltip")
        tooltip.wait_for()
        return tooltip.inner_text()

    def screenshot(self, path):
        self.page.screenshot(path=str(path))
