"""The validator of options: one answer for form, query string and JSON, whatever comes in."""

from typing import Any

import pytest
from hpcampus_hub.settings import SITES
from hpcampus_spawner import launcher
from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.matching import match
from hpcampus_spawner.options import Options, parse_options
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.scheduler import Submission
from hpcampus_spawner.site import Site
from hpcampus_spawner.slurm import sbatch_options
from hpcampus_spawner.spawner import BatchSpawner
from hypothesis import example, given
from hypothesis import strategies as st
from spawning import a_site

FIELDS = sorted(Options.model_fields)
LEONARDO = Site.load(SITES / "leonardo.yaml")
any_text = st.text(st.characters(exclude_categories=()), max_size=40)
values = st.one_of(
    any_text,
    st.integers(),
    st.integers(-1, 40).map(str),
    st.floats(),
    st.booleans(),
    st.none(),
    st.sampled_from(
        ["gpu-numba", "lesson1", "boost_usr_prod", "cpu --qos=vip", "2", "٣", "1e3", "0x4", " 4"]
    ),
)
trees = st.recursive(
    values, lambda child: st.lists(child, max_size=3) | st.dictionaries(any_text, child, max_size=3)
)
names = st.sampled_from(FIELDS) | any_text
objects = st.dictionaries(names, trees, max_size=5)


def answer(raw: object) -> Options | str:
    """The options, or the sentence of the refusal; any other exception is an error of the test."""
    try:
        return parse_options(raw)
    except Refused as refused:
        return refused.sentence


@given(objects | trees)
@example({"\ud800": 1})
@example({"course": "\ud800"})
@example({"cpus": 10**400})
@example({1: 2})
def test_anything_gives_options_or_a_refusal(raw: object) -> None:
    given = answer(raw)
    assert isinstance(given, Options) or given


@given(st.dictionaries(st.sampled_from(FIELDS), values, max_size=4))
def test_what_is_accepted_is_safe_for_the_launcher(raw: dict[str, Any]) -> None:
    options = answer(raw)
    if isinstance(options, str):
        return
    for text in (options.course, options.assignment, options.partition):
        assert text is None or (
            text.isascii() and text.replace("-", "").replace("_", "").replace(".", "").isalnum()
        )
    wished = options.partition or "cpu"
    request = JobRequest(
        partition=wished,
        cpus=options.needs.cpus,
        memory_mib=int(options.needs.memory_gib * 1024),
        gpus=options.needs.gpus,
        walltime_minutes=options.needs.walltime_minutes,
    )
    submission = Submission(spawn_id="0" * 32, tag="hpcampus:x:0", request=request, script="", ticket="")
    assert all(launcher.allowed(option) for option in sbatch_options(submission))


@given(
    st.builds(
        dict,
        cpus=st.integers(1, 200),
        memory_gib=st.integers(1, 600),
        gpus=st.integers(0, 5),
        hours=st.integers(1, 30),
        partition=st.sampled_from([None, *(partition.name for partition in LEONARDO.partitions)]),
    )
)
def test_whatever_is_matched_is_accepted_by_the_launcher(raw: dict[str, Any]) -> None:
    options = parse_options(raw)
    try:
        request = match(options.needs, LEONARDO, Allocation(account="EUHPC_D01-007.x"), options.wishes)
    except Refused:
        return
    tag = "hpcampus:0a1b2c3d:" + "f" * 32
    submission = Submission(spawn_id="f" * 32, tag=tag, request=request, script="", ticket="")
    chosen = sbatch_options(submission)
    assert all(launcher.allowed(option) for option in chosen)
    # Every GPU brings its share of the node's cores.
    assert f"--cpus-per-task={max(options.cpus or 2, 8 * (options.gpus or 0))}" in chosen
    assert f"--time={60 * (options.hours or 1)}" in chosen
    assert [option for option in chosen if "gres" in option] == (
        [f"--gres=gpu:{options.gpus}"] if options.gpus else []
    )


@given(st.dictionaries(st.sampled_from([*FIELDS, "cmd", "partition "]), any_text, max_size=4))
def test_form_query_string_and_json_give_the_same_answer(fields: dict[str, str]) -> None:
    spawner = BatchSpawner()
    lists = {name: [value] for name, value in fields.items()}
    from_json = answer(fields)
    assert answer(spawner.options_from_form(dict(lists))) == from_json
    assert answer(spawner.options_from_query(dict(lists))) == from_json


def test_numbers_may_be_text_as_forms_send_them() -> None:
    from_json = parse_options({"cpus": 4, "memory_gib": 8, "gpus": 0, "hours": 2})
    assert parse_options({"cpus": ["4"], "memory_gib": ["8"], "gpus": "0", "hours": "2"}) == from_json
    assert from_json.needs.walltime_minutes == 120


def test_an_empty_field_counts_as_not_given() -> None:
    assert parse_options({"cpus": [""], "partition": "", "course": None}) == Options()


def test_the_forms_own_token_is_no_option() -> None:
    assert BatchSpawner().options_from_form({"_xsrf": ["2|abc"], "cpus": ["2"]}) == {"cpus": "2"}


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({"course": "gpu-numba", "cpus": 4}, "not both"),
        ({"assignment": "lesson1"}, "needs its course"),
        ({"cpus": "many"}, "cpus"),
        ({"cpus": ["2", "4"]}, "cpus"),
        ({"hours": 10**6}, "hours"),
        ({"memory_gib": 0}, "memory_gib"),
        ({"partition": "a b"}, "partition"),
        ({"cmd": ["sh"]}, "'cmd'"),
        ([], "object"),
        (None, "object"),
    ],
)
def test_a_refusal_names_what_is_wrong(raw: object, named: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_options(raw)
    assert named in refused.value.sentence


def test_a_site_without_limits_gets_modest_defaults() -> None:
    request = match(parse_options({}).needs, a_site())
    assert (request.cpus, request.memory_mib, request.gpus, request.walltime_minutes) == (2, 4096, 0, 60)
