"""While the hub can't use its database, nobody is taken for a stranger.

JupyterHub goes on without a user when it can't read who is asking: it sends people to the log-in page, and
tells services and notebooks that a token is unknown. Here such a request is tried again, with a new
connection, and answered with 503 when that fails too.
"""

from typing import Any

from jupyterhub.handlers.base import BaseHandler
from sqlalchemy import event
from sqlalchemy.orm import Session
from tornado.web import HTTPError

SENTENCE = "The campus can't reach its database. Notebooks go on, and nothing is lost. Try again in a minute."
_TRIES = 2


def answer_503_meanwhile(session: Session) -> None:
    """Have every page and the API answer so; `session` is the hub's own with its database."""
    given_up = _Rollbacks(session)
    stock = BaseHandler.prepare

    async def prepare(handler: Any) -> None:
        for _ in range(_TRIES):
            before, refusal = given_up.count, None
            try:
                await stock(handler)
            except HTTPError as error:
                refusal = error
            if handler.current_user is not None or given_up.count == before:
                if refusal is not None:
                    raise refusal
                return
            del handler._jupyterhub_user  # so that it is asked for anew
        handler._jupyterhub_user = None
        raise HTTPError(503, SENTENCE)

    BaseHandler.prepare = prepare


class _Rollbacks:
    """Counts what JupyterHub gave up after an error of its database, which it keeps to itself."""

    def __init__(self, session: Session) -> None:
        self.count = 0
        event.listen(session, "after_soft_rollback", self._another)

    def _another(self, *_: object) -> None:
        self.count += 1
