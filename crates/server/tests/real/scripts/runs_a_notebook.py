"""Runs a notebook as `jupyter_server` and `nbclient` run one through a gateway. Arguments: address, token, kernel."""

import os
import sys

address, token, kernel = sys.argv[1:]
os.environ["JUPYTER_GATEWAY_URL"] = f"http://{address}"
os.environ["JUPYTER_GATEWAY_AUTH_TOKEN"] = token
# Its WebSocket shows no token of its own.
os.environ["JUPYTER_GATEWAY_WS_URL"] = f"ws://{address}/jupyter-token/{token}"

import nbformat
from jupyter_server.gateway.managers import GatewayKernelManager
from nbclient import NotebookClient

cells = [
    "spark.range(5).count()",
    "import pandas as pd\nspark.createDataFrame(pd.DataFrame({'name': ['ada', 'bob'], 'born': [1815, 1990]}))",
    "display(spark.range(3))",
    "print('to the terminal')",
    "spark.range(2).toPandas()",
    "from pyspark.sql.functions import udf\n"
    "spark.range(3).select(udf(lambda n: n * 2, 'long')('id').alias('twice')).collect()",
    "raise ValueError('on purpose')",
    "1 + 1",
]
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
client = NotebookClient(
    notebook, kernel_manager_class=GatewayKernelManager, kernel_name=kernel, allow_errors=True, timeout=120
)
client.execute()


def shown(cell):
    for output in cell.outputs:
        if output.output_type == "stream":
            yield f"{output.name} {output.text.strip()}"
        elif output.output_type == "error":
            yield f"{output.ename} {output.evalue}"
        else:
            data = output.data
            yield "table" if "<table" in data.get("text/html", "") else data["text/plain"]


for cell in notebook.cells:
    print(" | ".join(shown(cell)))
    if "ada" in cell.source:
        assert "ada" in cell.outputs[0].data["text/html"], cell.outputs
print("passed")
