"""What an operator may say of a site's software: nothing that a shell could take for more than a word."""

from typing import Any

import pytest
from hpcampus_spawner.models import Model
from hpcampus_spawner.site import Container, Partition
from hpcampus_spawner.software import SiteSoftware, Software
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from spawning import a_site

HOSTILE = (
    "",
    " ",
    "a b",
    "a;b",
    "$(id)",
    "`id`",
    "a|b",
    "a&b",
    "a>b",
    "a\nb",
    "a\n",
    "'a'",
    '"a"',
    "-a",
    "--purge",
    "~/a",
    "$HOME/a",
    "a*",
    "{a,b}",
    "a\\b",
    "é",
    "#a",
    "!a",
)
PLACES: tuple[dict[str, Any], ...] = (
    {"modules": ["{}"]},
    {"module_paths": ["{}"]},
    {"python": "{}"},
    {"image": {"path": "{}"}},
    {"image": {"path": "/a.sif", "bind": ["{}"]}},
    {"image": {"path": "/a.sif", "runtime": "{}"}},
)
META = set(" \t\r\n\0'\"\\`$;&|<>(){}[]*?!~#")


def filled(place: Any, value: str) -> Any:
    if isinstance(place, dict):
        return {key: filled(inner, value) for key, inner in place.items()}
    if isinstance(place, list):
        return [filled(inner, value) for inner in place]
    return value if place == "{}" else place


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("value", HOSTILE)
def test_what_a_shell_could_misread_is_refused(place: dict[str, Any], value: str) -> None:
    with pytest.raises(ValidationError):
        Software.model_validate(filled(place, value))
    if not value.startswith("-"):
        with pytest.raises(ValidationError):
            Software.model_validate(filled(place, f"/{value}"))


@given(st.sampled_from(PLACES), st.text(max_size=40) | st.from_regex(r"^/[ -~]{1,20}$"))
def test_whatever_is_accepted_is_one_plain_word(place: dict[str, Any], value: str) -> None:
    try:
        Software.model_validate(filled(place, value))
    except ValidationError:
        return
    assert not META & set(value)
    assert value
    assert value.isascii()
    assert not value.startswith("-")


@pytest.mark.parametrize(
    "facts",
    [
        {"modules": ["R", "python/3.11.7", "profile/deeplrn", "GCC/13.2.0-cuda+12", "LUMI/24.03@x"]},
        {"module_paths": ["/appl/local/csc/modulefiles"], "modules": ["pytorch"]},
        {"python": "/p/project1/campus/aarch64/bin/python3.12"},
        {"python": "python3"},
        {"image": {"path": "/i/campus_1.0.sif", "bind": ["/scratch", "/a:/b", "/a:/b:ro"]}},
    ],
)
def test_what_sites_really_have_is_accepted(facts: dict[str, Any]) -> None:
    assert Software.model_validate(facts).model_dump(exclude_unset=True)


@pytest.mark.parametrize(
    "facts",
    [
        {"modules": ["a"], "colour": "red"},
        {"x86_64": {"python": "/a"}, "python": "/b"},
        {"everywhere": {"python": "/a"}, "aarch64": {"python": "/b"}},
        {"riscv64": {"python": "/a"}},
        ["a"],
    ],
)
def test_what_is_said_twice_or_of_nothing_known_is_refused(facts: object) -> None:
    with pytest.raises(ValidationError):
        SiteSoftware.model_validate(facts)


def problems(facts: dict[str, Any], *partitions: Partition, **site: object) -> list[str]:
    there = a_site(*partitions).model_copy(update=site)
    return list(SiteSoftware.model_validate(facts).problems(there))


def test_a_gap_is_found_before_a_learner_falls_into_it() -> None:
    arm, x86 = Partition(name="gh", cpu_arch="aarch64"), Partition(name="cpu", cpu_arch="x86_64")
    unknown, closed = Partition(name="what"), Partition(name="viz", not_for_notebooks="it is for viewing")
    for_arm = {"aarch64": {"python": "/a"}}
    assert problems({}, arm, x86, unknown) == []
    assert problems({"python": "/a"}, arm, x86, unknown) == []
    assert problems(for_arm, arm, closed) == []
    assert problems(for_arm, arm, x86) == ["nothing is said for cpu, whose nodes are of x86_64."]
    assert problems(for_arm, unknown) == [
        "nothing is said for what, whose nodes are of an unknown architecture."
    ]


def test_an_image_needs_a_program_that_runs_it() -> None:
    image: dict[str, Any] = {"image": {"path": "/a.sif"}}
    (problem,) = problems(image)
    assert "small.yaml names no container runtime" in problem
    assert problems(image, container=Container(name="Podman")) == [problem]
    assert problems(image, container=Container(name="SingularityCE")) == []
    image["image"]["runtime"] = "apptainer"
    assert problems(image) == []


def test_its_models_are_frozen_and_strict() -> None:
    assert issubclass(Software, Model)
    assert issubclass(SiteSoftware, Model)
