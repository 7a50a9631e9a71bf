"""Notebooks without a fleet, by nbclient and papermill: notebook_checks.py FLEET_KERNEL PREFIX NOTEBOOK."""

import os
import sys

import nbclient
import nbformat
import papermill
from support import NAME, TIMEOUT, install


def outputs(notebook, kind):
    return [output for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == kind]


def check_example(path, directory):
    """Every cell runs and shows something, also what people look at first: a table, a plot."""
    notebook = nbformat.read(path, as_version=4)
    assert not outputs(notebook, "execute_result"), "the example is kept without outputs"
    assert notebook.metadata.kernelspec.name == NAME, notebook.metadata
    nbclient.NotebookClient(notebook, timeout=TIMEOUT, resources={"metadata": {"path": directory}}).execute()
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert cell.outputs, cell.source
        assert all(output.output_type != "error" for output in cell.outputs), cell.outputs
    kinds = {kind for output in outputs(notebook, "execute_result") for kind in output.data}
    assert {"text/html", "image/svg+xml", "text/plain"} <= kinds, kinds
    # An update has replaced what it belongs to.
    shown = [output.data.get("text/markdown") for output in outputs(notebook, "display_data")]
    assert "**done**" in shown and not any("working" in (text or "") for text in shown), shown
    assert notebook.metadata.language_info.name == "lua"


def check_error(directory):
    notebook = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell("x = 1"), nbformat.v4.new_code_cell("\nerror('boom')"),
        nbformat.v4.new_code_cell("return 'not reached'")])
    client = nbclient.NotebookClient(notebook, timeout=TIMEOUT, kernel_name=NAME)
    try:
        client.execute(cwd=directory)
    except nbclient.exceptions.CellExecutionError as error:
        assert error.ename == "RuntimeError" and error.evalue == "cell 2:2: boom", error
    else:
        raise AssertionError("the error was not noticed")
    assert not notebook.cells[2].outputs


def check_papermill(path, directory):
    written = os.path.join(directory, "out.ipynb")
    papermill.execute_notebook(path, written, cwd=directory, progress_bar=False)
    notebook = nbformat.read(written, as_version=4)
    assert not outputs(notebook, "error")
    assert {cell.metadata.papermill.status for cell in notebook.cells} == {"completed"}
    assert outputs(notebook, "execute_result")


def main():
    program, directory, notebook = sys.argv[1:]
    install(program, directory)
    check_example(notebook, directory)
    check_error(directory)
    check_papermill(notebook, directory)
    print("ok")


main()
