"""A learner's folder to the exchange, and the receipt back into the folder."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from hpcampus_grading.archive import IGNORED, OURS, files_to_pack
from hpcampus_grading.exchange.client import Client, ExchangeProblem
from hpcampus_grading.folders import write_atomically
from hpcampus_grading.messages import Receipt

# Beside the notebook, where the learner finds them; never part of a submission.
RECEIPTS = "receipts"
# More than a receipt takes, in bytes.
_ROOM = 1 << 17


def submit_folder(
    client: Client, course: str, assignment: str, folder: Path, ignore: Iterable[str] = IGNORED
) -> tuple[Receipt, Path]:
    """Submit what is in the folder; answers the receipt and its file. Raises `ExchangeProblem`."""
    _make_sure_of_room(folder / RECEIPTS)
    receipt = client.submit(course, assignment, folder, files_to_pack(folder, ignore, OURS))
    path = folder / RECEIPTS / f"{receipt.id}.json"
    write_atomically(path, receipt.model_dump_json(indent=2) + "\n")
    return receipt, path


def _make_sure_of_room(folder: Path) -> None:
    """Nobody hands in and then learns that the receipt can't be kept, or that the notebook wasn't saved."""
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_ROOM))
            file.flush()
    except OSError as error:
        raise ExchangeProblem(
            f"Nothing was submitted: {folder} can't be written ({error.strerror}). If your home is full, "
            "what you changed last may not be saved either: remove what you don't need, save the notebook, "
            "and submit again."
        ) from error
