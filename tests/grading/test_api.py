"""The description of the API, and requests made from it: wrong ones are refused in words, none breaks it.

`CAMPUS_EXAMPLES` says how many requests to try in each of four ways at each route.
"""

import os
from collections.abc import Mapping
from contextlib import suppress

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from tests.grading.conftest import Service, StubHub
from tests.grading.test_service import RELEASE, SUBMIT, answer

CHECKS = [not_a_server_error, response_schema_conformance, status_code_conformance]
generated = settings(
    max_examples=int(os.environ.get("CAMPUS_EXAMPLES", "5")),
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def requests_of(operation: APIOperation, known: Mapping[str, str]) -> list[SearchStrategy[Case]]:
    """Right and wrong requests, to places that are made up and to those that exist."""
    named = {parameter.name for parameter in operation.path_parameters}
    places = [None, {name: value for name, value in known.items() if name in named}]
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    return [operation.as_strategy(mode, path_parameters=place) for place in places for mode in modes]


@schemathesis.serializer("application/zip")
def as_it_is(_context: object, value: bytes) -> bytes:
    """A body that is no JSON needs no making."""
    return value


schemathesis.openapi.media_type("application/zip", st.binary() | st.just(answer()))


def test_no_request_breaks_it(service: Service, hub: StubHub) -> None:
    """In the name of an instructor, who gets past most doors."""
    ada, ines = hub.add("ada", "sums"), hub.add("ines", "sums-instructors")
    identifier = service.request("POST", SUBMIT, ada, data=answer()).json()["id"]
    service.request("PUT", RELEASE, ines, data=answer())
    known = {"course": "sums", "assignment": "lesson1", "learner": "ada", "submission": identifier}
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    routes = [route.ok() for route in schema.get_all_operations()]
    assert len(routes) > 20
    for route in routes:
        for cases in requests_of(route, known):

            @generated
            @given(cases)
            def attempt(case: Case) -> None:
                case.call_and_validate(headers={"Authorization": f"Bearer {ines}"}, checks=CHECKS)

            # Where nothing can be wrong there is no wrong request.
            with suppress(Unsatisfiable):
                attempt()
    assert "Traceback" not in service.log.read_text()
