"""Run the exchange as a service of JupyterHub: `python -m hpcampus_grading.service`."""

import ctypes
import logging
import signal
import sys
from urllib.parse import urlsplit

import uvicorn
from hpcampus_courses import BadFile, Catalogue
from pydantic import ValidationError

from hpcampus_grading.ledger import Ledger
from hpcampus_grading.service.app import create_app
from hpcampus_grading.service.identity import HubIdentity
from hpcampus_grading.service.settings import Settings
from hpcampus_grading.store import Store
from hpcampus_grading.tables import open_database

_PR_SET_PDEATHSIG = 1


def end_with_the_hub() -> None:
    """Ask the kernel to stop this process when its parent dies, however it dies.

    A hub that is killed can't stop its services; one left behind would keep the port from the next hub's.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def main() -> None:
    """Serve until the hub says stop; what is missing is said in a sentence before anything listens."""
    end_with_the_hub()
    logging.basicConfig(level=logging.INFO, format="[%(levelname)1.1s %(asctime)s exchange] %(message)s")
    try:
        settings = Settings.from_environment()
        catalogue = Catalogue.load(settings.courses)
    except (ValidationError, BadFile) as error:
        sys.exit(f"The exchange can't start: {error}")
    ledger = Ledger(open_database(settings.database), Store(settings.store))
    ledger.store.sweep()
    app = create_app(settings, catalogue, ledger, HubIdentity(settings))
    address = urlsplit(str(settings.url))
    uvicorn.run(
        app,
        host=address.hostname or "127.0.0.1",
        port=address.port or 80,
        log_config=None,
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
