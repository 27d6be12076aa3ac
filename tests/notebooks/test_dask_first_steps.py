"""A researcher's first notebook runs as it stands, prints no warning, and listens on this node only."""

import copy
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

NOTEBOOK = Path(__file__).parents[2] / "notebooks/dask_first_steps.ipynb"
PREFIX = "/user/rosa/"
# Put in before the cluster is closed: what its processes listen on, and what the dashboard answers.
PROBE = """
import urllib.request
import psutil

me = psutil.Process()
listening = {
    connection.laddr.ip
    for process in [me, *me.children(recursive=True)]
    for connection in process.net_connections("inet")
    if connection.status == psutil.CONN_LISTEN
}
port = client.scheduler_info()["services"]["dashboard"]
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
page = direct.open(f"http://127.0.0.1:{port}/status", timeout=30)
print(sorted(listening), page.status, port)
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The executed cells by name, with the probe among them."""
    notebook = copy.deepcopy(nbformat.read(NOTEBOOK, as_version=4))
    close = next(i for i, cell in enumerate(notebook.cells) if cell.id == "close")
    notebook.cells.insert(close, new_code_cell(PROBE, id="probe"))
    folder = tmp_path_factory.mktemp("notebook")
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.execute(env=os.environ | {"JUPYTERHUB_SERVICE_PREFIX": PREFIX})
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


def said(cell: Any) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def test_it_runs_without_a_warning(ran: dict[str, Any]) -> None:
    outputs = [output for cell in ran.values() for output in cell.outputs]
    assert not [
        output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"
    ]


def test_it_computes_what_it_announces(ran: dict[str, Any]) -> None:
    assert said(ran["cluster"]).startswith("2 workers at tls://127.0.0.1:")
    assert re.search(r"spread of the anomalies: 2\.9\d\d degrees, expected 2\.924", said(ran["anomaly"]))


def test_everything_listens_on_this_node_only(ran: dict[str, Any]) -> None:
    assert said(ran["probe"]).startswith("['127.0.0.1'] 200 ")


def test_the_dashboard_is_reached_through_the_hub_at_the_port_it_got(ran: dict[str, Any]) -> None:
    port = said(ran["probe"]).split()[-1]
    assert f'href="{PREFIX}proxy/{port}/status"' in ran["dashboard"].outputs[0]["data"]["text/html"]
