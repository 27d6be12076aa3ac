"""The application: routes below the hub's prefix, every answer typed, every refusal a sentence."""

import logging
from typing import Any

from fastapi import FastAPI, HTTPException, Request, status
from fastapi.responses import JSONResponse
from hpcampus_courses import Catalogue

from hpcampus_grading.ledger import Ledger
from hpcampus_grading.messages import Problem
from hpcampus_grading.service import assignments, submissions
from hpcampus_grading.service.access import Exchange, TheExchange
from hpcampus_grading.service.identity import Identity
from hpcampus_grading.service.settings import Settings
from hpcampus_grading.store import DamagedFile

log = logging.getLogger("hpcampus.exchange")

_REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem} for code in (401, 403, 404, 413, 422, 503)
}


def create_app(settings: Settings, catalogue: Catalogue, ledger: Ledger, identity: Identity) -> FastAPI:
    """The exchange as an ASGI application; its description is at `openapi.json` below the prefix."""
    app = FastAPI(
        title="HPCampus exchange",
        description="Assignments out, submissions in, feedback back. Send a token of the hub as Bearer.",
        openapi_url=f"{settings.prefix}openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.exchange = Exchange(settings, catalogue, ledger, identity)
    for router in (assignments.router, submissions.router):
        app.include_router(router, prefix=settings.prefix.rstrip("/"), responses=_REFUSALS)
    app.add_api_route(f"{settings.prefix}health", health, methods=["GET"])
    app.add_exception_handler(DamagedFile, _damaged)
    return app


def health(exchange: TheExchange) -> dict[str, str]:
    """Whether a submission would be stored now: 200, or 503 when the database or the store fails."""
    try:
        exchange.ledger.check()
    except Exception as error:
        log.exception("action=health the database or the store can't be used")
        sentence = "The database or the store can't be used: nothing can be submitted."
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, sentence) from error
    return {"status": "ready"}


async def _damaged(_request: Request, error: Exception) -> JSONResponse:
    log.error("action=damaged %s", error)
    problem = Problem(detail="The stored copy is damaged and was not sent. The operator must restore it.")
    return JSONResponse(problem.model_dump(), status.HTTP_500_INTERNAL_SERVER_ERROR)
