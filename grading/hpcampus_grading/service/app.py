"""The application: routes below the hub's prefix, every answer typed, every refusal a sentence."""

import asyncio
import errno
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Security, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import HTTPBearer
from sqlalchemy.exc import DBAPIError

from hpcampus_grading.admission import KeyReused, NotAccepted
from hpcampus_grading.messages import Problem
from hpcampus_grading.own_work import OwnWork
from hpcampus_grading.service import (
    assignments,
    class_status,
    extensions,
    grades,
    integrity,
    lti,
    submissions,
)
from hpcampus_grading.service.access import Exchange, TheExchange
from hpcampus_grading.service.hub_api import HubIsAway
from hpcampus_grading.store import DamagedFile

log = logging.getLogger("hpcampus.exchange")

_REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem} for code in (400, 401, 403, 404, 413, 422, 500, 503, 507)
}
# Only for the description of the API: `person_of` looks at the header itself, and knows better sentences.
_TOKEN = Security(HTTPBearer(auto_error=False, description="A token of the hub."))
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def create_app(exchange: Exchange) -> FastAPI:
    """The exchange as an ASGI application; its description is at `openapi.json` below the prefix."""
    prefix = exchange.settings.prefix
    app = FastAPI(
        title="HPCampus exchange",
        description="Assignments out, submissions in, feedback back. Send a token of the hub as Bearer.",
        openapi_url=f"{prefix}openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.exchange = exchange
    for part in (assignments, submissions, extensions, grades, integrity, class_status, lti):
        app.include_router(part.router, prefix=prefix.rstrip("/"), responses=_REFUSALS, dependencies=[_TOKEN])
    app.add_api_route(f"{prefix}health", health, methods=["GET"], responses={503: {"model": Problem}})
    app.add_api_route(f"{prefix}receipt-key", receipt_key, methods=["GET"], response_class=PlainTextResponse)
    app.add_api_route(f"{prefix}lti/keys", lti.keys, methods=["GET"], responses={503: {"model": Problem}})
    for kind, answer in _ANSWERS.items():
        app.add_exception_handler(kind, answer)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """While it serves, it follows what the courses' files say of extensions."""
    exchange: Exchange = app.state.exchange
    following = asyncio.create_task(exchange.stated_extensions.follow(exchange.catalogue.courses))
    yield
    following.cancel()


def health(exchange: TheExchange) -> dict[str, str]:
    """Whether a submission would be stored now: 200, or 503 when the database or the store fails."""
    try:
        exchange.ledger.check()
    except Exception as error:
        log.exception("action=health the database or the store can't be used")
        sentence = "The database or the store can't be used: nothing can be submitted."
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, sentence) from error
    return {"status": "ready"}


def receipt_key(exchange: TheExchange) -> str:
    """The public key that receipts can be checked with, in PEM; nobody need log in for it."""
    return exchange.ledger.receipt_key.pem()


async def _damaged(_request: Request, error: Exception) -> JSONResponse:
    log.error("action=damaged %s", error)
    sentence = "The stored copy is damaged and was not sent. The operator must restore it."
    return _problem(status.HTTP_500_INTERNAL_SERVER_ERROR, sentence)


async def _not_accepted(_request: Request, error: Exception) -> JSONResponse:
    return _problem(status.HTTP_403_FORBIDDEN, str(error))


async def _own_work(_request: Request, error: Exception) -> JSONResponse:
    return _problem(status.HTTP_403_FORBIDDEN, f"{error} Nothing was changed.")


async def _not_understood(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
    sentence = f"The request can't be understood ({wrong}). Nothing was changed."
    return _problem(status.HTTP_422_UNPROCESSABLE_CONTENT, sentence)


async def _key_reused(_request: Request, error: Exception) -> JSONResponse:
    return _problem(status.HTTP_422_UNPROCESSABLE_CONTENT, str(error))


async def _hub_is_away(_request: Request, _error: Exception) -> JSONResponse:
    return _unavailable("The hub can't be asked just now. Try again in a minute.")


async def _database_fails(_request: Request, error: Exception) -> JSONResponse:
    # Without what was asked of it: that may hold a learner's name.
    log.error("action=database %s", getattr(error, "orig", None) or type(error).__name__)
    return _unavailable("The database can't be used just now. Nothing was stored; try again in a minute.")


async def _disk_fails(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OSError)
    log.error("action=store %s", error)
    if error.errno not in _FULL:
        return _unavailable("The store can't be used just now. Nothing was stored; try again in a minute.")
    return _problem(
        status.HTTP_507_INSUFFICIENT_STORAGE,
        "The store is full. Nothing was stored, and what you submitted before is safe. "
        "Keep your files and tell your instructors; they know whom to ask.",
    )


def _unavailable(sentence: str) -> JSONResponse:
    return _problem(status.HTTP_503_SERVICE_UNAVAILABLE, sentence)


def _problem(code: int, sentence: str) -> JSONResponse:
    return JSONResponse(Problem(detail=sentence).model_dump(), code)


_ANSWERS = {
    DamagedFile: _damaged,
    NotAccepted: _not_accepted,
    OwnWork: _own_work,
    KeyReused: _key_reused,
    RequestValidationError: _not_understood,
    HubIsAway: _hub_is_away,
    DBAPIError: _database_fails,
    OSError: _disk_fails,
}
