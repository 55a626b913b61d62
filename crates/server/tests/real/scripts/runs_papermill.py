"""Runs a notebook with parameters as papermill does, through a gateway. Arguments: address, token, kernel, a folder."""

import os
import sys

address, token, kernel, folder = sys.argv[1:]
os.environ["JUPYTER_GATEWAY_URL"] = f"http://{address}"
os.environ["JUPYTER_GATEWAY_AUTH_TOKEN"] = token
# Its WebSocket shows no token of its own.
os.environ["JUPYTER_GATEWAY_WS_URL"] = f"ws://{address}/jupyter-token/{token}"

import nbformat
import papermill

parameters = nbformat.v4.new_code_cell("rows = 1", metadata={"tags": ["parameters"]})
count = nbformat.v4.new_code_cell("spark.range(rows).count()")
fails = nbformat.v4.new_code_cell("raise ValueError('on purpose')")
never = nbformat.v4.new_code_cell("print('not reached')")
given, done = os.path.join(folder, "given.ipynb"), os.path.join(folder, "done.ipynb")


def run(cells, **arguments):
    notebook = nbformat.v4.new_notebook(cells=cells)
    # What papermill writes parameters as.
    notebook.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "python"}
    nbformat.write(notebook, given)
    return papermill.execute_notebook(
        given,
        done,
        parameters={"rows": 12},
        kernel_manager_class="jupyter_server.gateway.managers.GatewayKernelManager",
        progress_bar=False,
        **arguments,
    )


run([parameters, count])
outputs = [cell.outputs for cell in nbformat.read(done, 4).cells]
print(outputs[-1][0].data["text/plain"])
try:
    run([parameters, fails, never])
except papermill.PapermillExecutionError as error:
    print(error.ename)
# What was run so far is kept, with the error in its cell.
kept = [cell for cell in nbformat.read(done, 4).cells if cell.cell_type == "code"]
print([[output.output_type for output in cell.outputs] for cell in kept[-2:]])
print("passed")
