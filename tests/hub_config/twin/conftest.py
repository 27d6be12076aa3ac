"""A twin of LEONARDO with two people on it, for all tests of a module."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hpcampus_hub.twin import Twin
from hpcampus_spawner.allocation import Allocation
from twins import people, running_twin, site

ADA, BEN = "twin-ada", "twin-ben"


@pytest.fixture(scope="module")
def leonardo() -> Iterator[Twin]:
    with ExitStack() as stack:
        # The umask of a careful administrator: what jobs read must be readable all the same.
        stack.callback(os.umask, os.umask(0o077))
        stack.enter_context(people(ADA, BEN))
        twin = stack.enter_context(running_twin(site("leonardo")))
        twin.add_people([ADA], Allocation(account="tra26_gpu"))
        twin.add_people([BEN], Allocation(account="euhpc_b"))
        yield twin
