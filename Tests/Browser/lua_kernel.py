"""The Lua kernel in JupyterLab, as a person meets it: lua_kernel.py FLEET_KERNEL NOTEBOOK DIRECTORY [SCREENSHOTS]."""

import pathlib
import shutil
import subprocess
import sys
import time

from lab import Lab, until


def look_at_the_example(notebook):
    notebook.run_all()
    prompts = notebook.prompts()
    assert prompts == [f"[{number}]:" for number in range(1, len(prompts) + 1)], prompts
    table = notebook.panel.locator(".jp-RenderedHTML table")
    assert "Aurora" in table.first.inner_text(), "the list of records is a table"
    box = notebook.panel.locator(".jp-RenderedSVG svg, .jp-RenderedSVG img").first.bounding_box()
    assert box["width"] > 300 and box["height"] > 150, f"the plot is too small: {box}"
    errors = notebook.panel.locator('[data-mime-type="application/vnd.jupyter.stderr"]')
    assert errors.count() == 0, errors.all_inner_texts()


def colours_of_code(notebook):
    """Keywords look otherwise than names: the editor knows the language."""
    colours = notebook.page.evaluate("""() => {
        const spans = [...document.querySelectorAll('.jp-CodeCell .cm-line span')]
        const colour = text => spans.filter(s => s.textContent === text).map(s => getComputedStyle(s).color)[0]
        return [colour('for'), colour('200')]
    }""")
    assert all(colours) and colours[0] != colours[1], f"code is not coloured: {colours}"


def interrupt_a_loop(notebook):
    notebook.append_and_run("print('runs') while true do end")
    until("the loop runs", lambda: "runs" in notebook.output(-1).inner_text())
    began = time.monotonic()
    notebook.interrupt()
    until("the loop has stopped", lambda: "Interrupted" in notebook.output(-1).inner_text())
    print(f"interrupt from the menu to the output: {time.monotonic() - began:.2f} s")
    notebook.wait_until_idle()
    notebook.append_and_run("return 6 * 7")
    until("the kernel goes on", lambda: "42" in notebook.output(-1).inner_text())


def help_while_typing(notebook):
    notebook.append("string.form")
    offered = notebook.completions()
    assert [text.strip() for text in offered] == ["format"], offered
    notebook.page.keyboard.press("Enter")
    until("the completion is typed", lambda: "string.format" in notebook.cells.last.inner_text())
    notebook.append("string.re")
    offered = notebook.completions()
    assert [text.strip() for text in offered] == ["rep", "reverse"], offered
    notebook.page.keyboard.press("Escape")
    notebook.append("area(")
    text = notebook.tooltip()
    assert "Area of a circle" in text and "area(radius)" in text, text


def answer_a_question(notebook):
    notebook.append_and_run("return 'hello ' .. io.read()")
    box = notebook.panel.locator(".jp-Stdin-input")
    box.wait_for()
    box.fill("Ada")
    box.press("Enter")
    until("the answer has arrived", lambda: "hello Ada" in notebook.output(-1).inner_text())


def see_an_error(notebook):
    notebook.append_and_run("local function f() error('boom') end\nf()")
    until("the error is shown", lambda: "boom" in notebook.output(-1).inner_text())
    text = notebook.output(-1).inner_text()
    assert "RuntimeError" in text and "stack traceback" in text and "2 | f()" in text, text


def restart(notebook):
    notebook.append_and_run("return type(ships)")
    until("the variable is there", lambda: "table" in notebook.output(-1).inner_text())
    notebook.restart()
    notebook.append_and_run("return type(ships)")
    until("the variable is gone", lambda: "nil" in notebook.output(-1).inner_text())


def main():
    program, example, directory = sys.argv[1:4]
    screenshots = pathlib.Path(sys.argv[4] if len(sys.argv) > 4 else directory)
    screenshots.mkdir(parents=True, exist_ok=True)
    subprocess.run([program, "install", "--prefix", directory], check=True, stdout=subprocess.DEVNULL)
    with Lab(directory, {"JUPYTER_PATH": f"{directory}/share/jupyter", "FLEET_HOME": directory}) as lab:
        shutil.copy(example, lab.files)
        try:
            notebook = lab.open(pathlib.Path(example).name)
            look_at_the_example(notebook)
            colours_of_code(notebook)
            notebook.panel.locator(".jp-WindowedPanel-outer").evaluate("panel => panel.scrollTo(0, 0)")
            notebook.screenshot(screenshots / "example.png")
            interrupt_a_loop(notebook)
            help_while_typing(notebook)
            notebook.screenshot(screenshots / "tooltip.png")
            notebook.page.keyboard.press("Escape")
            answer_a_question(notebook)
            see_an_error(notebook)
            notebook.output(-1).scroll_into_view_if_needed()
            notebook.screenshot(screenshots / "error.png")
            restart(notebook)
        except BaseException:
            lab.page.screenshot(path=str(screenshots / "failure.png"))
            print(lab.output())
            raise
    print("ok")


main()
