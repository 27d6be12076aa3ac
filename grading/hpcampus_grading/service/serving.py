"""The exchange as a service of JupyterHub: what it needs is checked, then several processes serve."""

import gc
import logging
import sys
from urllib.parse import urlsplit

import uvicorn
from hpcampus_courses import BadFile, Catalogue
from pydantic import ValidationError

from hpcampus_grading.database import open_database
from hpcampus_grading.extensions import Extensions
from hpcampus_grading.grades import Grades
from hpcampus_grading.integrity import Integrity
from hpcampus_grading.ledger import Ledger
from hpcampus_grading.lti.sending import GradeSender
from hpcampus_grading.receipts import BadKey
from hpcampus_grading.refusals import Refusals
from hpcampus_grading.service.access import Exchange
from hpcampus_grading.service.app import create_app
from hpcampus_grading.service.identity import HubIdentity
from hpcampus_grading.service.pair import checked, keep_serving, listening
from hpcampus_grading.service.settings import Settings
from hpcampus_grading.stated_extensions import StatedExtensions
from hpcampus_grading.status import Statuses
from hpcampus_grading.store import Store

# The proxy keeps its connections to us open and uses them again. To close one just then loses a request:
# somebody reads 503.
_IDLE_SECONDS = 24 * 3600


def open_exchange(settings: Settings) -> Exchange:
    """All that the routes work with; raises `BadFile` or `BadKey`."""
    catalogue = Catalogue.follow(settings.courses)
    database = open_database(settings.database)
    return Exchange(
        settings=settings,
        catalogue=catalogue,
        database=database,
        ledger=Ledger(database, Store(settings.store)),
        extensions=Extensions(database),
        stated_extensions=StatedExtensions(database),
        grades=Grades(database),
        integrity=Integrity(database),
        refusals=Refusals(database),
        sender=GradeSender(database, settings.lti, turns=settings.store / "sending.lock"),
        statuses=Statuses(database),
        identity=HubIdentity(settings),
    )


def main() -> None:
    """Serve until the hub says stop; what is missing is said in a sentence before anything listens."""
    logging.basicConfig(level=logging.INFO, format="[%(levelname)1.1s %(asctime)s exchange] %(message)s")
    checked(_prepare)
    keep_serving(_serve)


def _opened() -> Exchange:
    try:
        return open_exchange(Settings.from_environment())
    except (ValidationError, BadFile, BadKey) as error:
        sys.exit(f"The exchange can't start: {error}")


def _prepare() -> None:
    _opened().ledger.store.sweep()


def _serve() -> None:
    exchange = _opened()
    address = urlsplit(str(exchange.settings.url))
    config = uvicorn.Config(
        create_app(exchange),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_IDLE_SECONDS,
    )
    # What is there now stays: looking through all of it for garbage, now or later, makes somebody wait.
    gc.freeze()
    gc.enable()
    own = listening(address.hostname or "127.0.0.1", address.port or 80)
    uvicorn.Server(config).run(sockets=[own])
