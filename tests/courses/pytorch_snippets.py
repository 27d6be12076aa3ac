"""Runs the lines of PyTorch that lessons show: `python pytorch_snippets.py SOURCE`, by a Python with it."""

import json
import re
import sys
from pathlib import Path

import torch
from torch.nn.functional import scaled_dot_product_attention


def shown(source: Path, lesson: str) -> str:
    """The one block of PyTorch in a lesson."""
    cells = json.loads((source / lesson / f"{lesson}.ipynb").read_text())["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    (block,) = (one for one in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "torch" in one)
    return block


def networks(block: str) -> None:
    """The network learns a batch by heart."""
    pictures, labels = torch.rand(32, 1, 8, 8), torch.arange(32) % 10
    names = {"torch": torch, "loader": [(pictures, labels)] * 300}
    exec(block, names)
    assert (names["network"](pictures).argmax(dim=1) == labels).float().mean() > 0.9


def attention(block: str) -> None:
    """It is the attention of the lesson, and numbers queries from the start, as the lesson warns."""
    queries, keys, values = torch.randn(3, 2, 4, 5, 6).unbind()
    names = {"queries": queries, "keys": keys, "values": values}
    exec(block, names)
    later = torch.ones(5, 5, dtype=torch.bool).triu(1)
    scores = (queries @ keys.transpose(-1, -2) / 6**0.5).masked_fill(later, -torch.inf)
    torch.testing.assert_close(names["answers"], scores.softmax(dim=-1) @ values)
    one = scaled_dot_product_attention(queries[..., -1:, :], keys, values, is_causal=True)
    torch.testing.assert_close(one, values[..., :1, :])


if __name__ == "__main__":
    torch.manual_seed(0)
    networks(shown(Path(sys.argv[1]), "networks"))
    attention(shown(Path(sys.argv[1]), "attention"))
