"""The decision whether a person may start what they ask for, made by whoever knows courses and rosters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.needs import Needs
from hpcampus_spawner.options import Options
from hpcampus_spawner.wishes import Wishes


@dataclass(frozen=True)
class Person:
    """Who asks: the hub's name for them, and the hub's groups they are in."""

    name: str
    groups: frozenset[str]


@dataclass(frozen=True)
class Admission:
    """Yes: the needs to match with the site, the allocation to use there, and what the server is told."""

    needs: Needs
    allocation: Allocation = field(default_factory=Allocation)
    wishes: Wishes = field(default_factory=Wishes)
    session: str | None = None
    """The reservation of a session that is on: used at a site which has it and lets this person in."""
    environment: Mapping[str, str] = field(default_factory=dict)
    page: str = "/lab"
    """Where the browser goes when the server is ready, below the server's address."""


# Takes the person, the server's name, their options and the id of the site; raises `Refused`.
Admit = Callable[[Person, str, Options, str], Admission]
