"""The site files against the facts that were collected: nothing left out, nothing made up.

The file of facts isn't part of the repository: CAMPUS_FACTS says where it is.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hpcampus_hub.settings import SITES
from hpcampus_spawner.site import Partition, SchedulerName, Site
from pydantic import TypeAdapter, ValidationError

FACTS = os.environ.get("CAMPUS_FACTS", "")

# Our file: the entry in the file of facts.
ENTRIES = {
    "arrhenius": "mimer-arrhenius",
    "berzelius": "mimer-berzelius",
    "daedalus": "pharos",
    "discoverer": "brainpp",
    "finisterrae3": "1healthai",
    "helios": "gaia",
    "hunter": "hammerhai",
    "jean-zay": "ai2f",
    "jupiter": "jaif",
    "karolina": "czai",
    "leonardo": "it4lia",
    "litai": "litai",
    "lumi": "lumi-aif",
    "marenostrum5": "bsc-aif",
    "meluxina": "meluxina-ai",
    "musica": "ai-at",
    "psnc": "piast-ai",
    "ro-aif": "ro-aif",
    "snellius": "nlaif",
    "vega": "slaif",
}
# PBS chooses nodes by their type, so the partition's name is ours; the facts' queues are named "queue …".
NAMES = {"node_type=mi300a": "mi300a", "queue test": "test", "queue interactive": "interactive"}

Entry = dict[str, Any]


def site(site_id: str) -> Site:
    return Site.load(SITES / f"{site_id}.yaml")


@pytest.fixture(scope="module")
def facts() -> dict[str, Entry]:
    if not FACTS:
        pytest.skip("CAMPUS_FACTS doesn't say where the file of facts is")
    entries = yaml.safe_load(Path(FACTS).read_text(encoding="utf-8"))["sites"]
    return {entry["id"]: entry for entry in entries}


def test_every_entry_has_its_file(facts: dict[str, Entry]) -> None:
    assert len(facts) == 20
    assert sorted(ENTRIES.values()) == sorted(facts)
    assert sorted(ENTRIES) == sorted(path.stem for path in SITES.glob("*.yaml") if path.stem != "local")


@pytest.mark.parametrize("site_id", ENTRIES)
def test_a_file_says_what_the_facts_say(facts: dict[str, Entry], site_id: str) -> None:
    ours, entry = site(site_id), facts[ENTRIES[site_id]]
    assert entry["factory"].find(ours.factory) >= 0
    assert words(ours.host) <= words(entry["host_organisation"])
    assert (entry["system"] or "").startswith(ours.system or "")
    assert bool(ours.system) == bool(entry["system"])
    for key in ("country", "system_role", "confidence", "compute_internet"):
        assert getattr(ours, key) == entry[key], key
    assert ours.city is not None
    assert ours.city in entry["city"]
    assert ours.scheduler.kind == entry["scheduler"]["name"]
    assert (ours.scheduler.version or "") == (entry["scheduler"]["version"] or "").partition(" ")[0]
    assert ours.scheduler.srun_only == (True if "srun only" in text(entry["scheduler"]) else None)
    container = entry["container_runtime"]["name"]
    assert (ours.container.name if ours.container else None) == container
    assert bool(ours.modules) == bool(entry["module_system"])


@pytest.mark.parametrize("site_id", ENTRIES)
def test_a_partition_says_what_the_facts_say(facts: dict[str, Entry], site_id: str) -> None:
    ours, entry = site(site_id), facts[ENTRIES[site_id]]
    theirs = {NAMES.get(p["name"], p["name"]): p for p in entry["partitions"]}
    known = {name: fact for name, fact in theirs.items() if is_name(name)}
    assert [p.name for p in ours.partitions] == list(known)
    for partition in ours.partitions:
        assert compared(partition) == expected(known[partition.name], entry), partition.name


@pytest.mark.parametrize("site_id", ENTRIES)
def test_rules_and_qos_say_what_the_facts_say(facts: dict[str, Entry], site_id: str) -> None:
    ours, entry = site(site_id), facts[ENTRIES[site_id]]
    options = entry["submit_options"] or {}
    assert ours.account.required == options.get("account", {}).get("required")
    assert ours.qos_rule.required == options.get("qos", {}).get("required")
    for rule, key in ((ours.account, "account"), (ours.qos_rule, "qos")):
        said = options.get(key, {}).get("form") or ""
        assert said.startswith(rule.form or "")
    listed = [qos for qos in entry.get("qos", []) if is_name(qos["name"])]
    if "same name as partition" in text(options):
        assert [qos.name for qos in ours.qos] == [p.name for p in ours.partitions]
    else:
        minutes = [(qos["name"], walltime(qos["max_walltime"])) for qos in listed]
        assert [(qos.name, qos.max_walltime_minutes) for qos in ours.qos] == minutes
    assert (ours.project_qos is not None) == ("<per project>" in text(entry.get("qos", [])))
    if ours.project_qos is not None:
        assert ours.project_qos.max_walltime_minutes == walltime(entry["qos"][0]["max_walltime"])
    assert ours.memory_follows_cpus == ("memory follows cores" in text(options))


@pytest.mark.parametrize("site_id", ENTRIES)
def test_gpus_are_asked_for_as_the_facts_say(facts: dict[str, Entry], site_id: str) -> None:
    ours = site(site_id)
    said = ((facts[ENTRIES[site_id]]["submit_options"] or {}).get("gpu_request") or "").lower()
    signs = {
        "gres": "--gres=gpu:<",
        "typed-gres": "--gres=gpu:[a-z][a-z0-9]+:<",
        "gpus": "--gpus=<",
        "gpus-per-node": "--gpus-per-node=<",
        "whole-node": "whole node",
    }
    if ours.gpu_request is None:
        assert said == "" or "not confirmed" in said
    else:
        assert re.search(signs[ours.gpu_request], said.replace("gpu:4", "gpu:<4>")), said


# Keys whose values the facts have in words only, wherever they are: how each is said there.
IN_WORDS = {
    "gpu_type": "gpu:{}",
    "cpus_per_gpu": r"\b{0} (cpus|cores|per gpu)|cpus {0}\b",
    "memory_gib_per_gpu": "mem {}g",
    "cpu_arch": "{}",
    "constraint": "(-c |constraint[= ]){}",
    "account_suffix": "(<project>|xxx|<n>|<grant>|or ).*{}",
    "select": "{}",
}


@pytest.mark.parametrize("site_id", ENTRIES)
def test_what_the_facts_have_in_words_is_said_there(facts: dict[str, Entry], site_id: str) -> None:
    entry = text(facts[ENTRIES[site_id]])
    for partition in site(site_id).partitions:
        for key, said in IN_WORDS.items():
            value = getattr(partition, key)
            if value is not None:
                shown = f"{value:g}" if isinstance(value, float) else re.escape(str(value))
                assert re.search(said.format(shown), entry), (partition.name, key)
        if partition.gpu_required:
            assert re.search("at least one gpu per job|must ask for a gpu", entry)
        for part in partition.gpu_slices:
            said = f"{part.name} ({part.gpu_memory_gib:g} gb, {part.cpus} cores, {part.memory_gib:g} gb"
            assert said in entry


@pytest.mark.parametrize("site_id", ENTRIES)
def test_sources_are_those_of_the_facts_and_what_is_unknown_is_said(
    facts: dict[str, Entry], site_id: str
) -> None:
    ours, entry = site(site_id), facts[ENTRIES[site_id]]
    sources = text(entry["sources"])
    assert ours.sources
    assert [source for source in ours.sources if source.lower() not in sources] == []
    assert ours.unknown


def compared(partition: Partition) -> Entry:
    """The facts of a partition that have a key of their own in the file of facts."""
    keys = ("nodes", "cpus", "memory_gib", "schedulable_memory_mib", "gpus", "gpu_vendor", "gpu_arch")
    walltimes = ("max_walltime_minutes", "default_walltime_minutes")
    found = {key: getattr(partition, key) for key in (*keys, *walltimes, "exclusive")}
    return {**found, "gpu_model": words(partition.gpu_model)}


def expected(fact: Entry, entry: Entry) -> Entry:
    arch = fact["gpu_arch"] or {}
    # FPGAs stand where GPUs do, with none counted.
    model = None if fact["gpus"] == 0 else fact["gpu_model"]
    options = entry["submit_options"]
    schedulable = fact.get("mem_schedulable")
    return {
        "nodes": fact["nodes"],
        "cpus": fact["cpus"],
        "memory_gib": fact["mem_gib"],
        "schedulable_memory_mib": 1024 * int(schedulable.removesuffix("G"))
        if schedulable
        else fact.get("mem_schedulable_mib"),
        "gpus": fact["gpus"],
        "gpu_vendor": arch.get("vendor") or ("nvidia" if "NVIDIA" in (model or "") else None),
        "gpu_arch": arch.get("id"),
        "max_walltime_minutes": walltime(fact["max_walltime"]),
        "default_walltime_minutes": walltime(fact.get("default_walltime") or options.get("default_walltime")),
        "exclusive": fact["exclusive"],
        # Without the remarks in brackets and after the size.
        "gpu_model": words(re.sub(r" \((?!one GCD).*| or 80GB.*", "", model)) if model else set(),
    }


def walltime(value: str | None) -> int | None:
    """Slurm's [days-]hours:minutes:seconds in minutes; None for words such as `set by QOS`."""
    found = re.fullmatch(r"(?:(\d+)-)?(\d+):(\d\d):\d\d", value or "")
    if found is None:
        return None
    days, hours, minutes = (int(part or 0) for part in found.groups())
    return (days * 24 + hours) * 60 + minutes


def is_name(value: str) -> bool:
    try:
        TypeAdapter(SchedulerName).validate_python(value)
    except ValidationError:
        return False
    return True


def words(value: str | None) -> set[str]:
    return set(re.findall(r"\w+", value or ""))


def text(value: object) -> str:
    """Everything that is said in a part of the facts, in small letters and on one line."""
    return " ".join(strings(value)).lower()


def strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (str(key), *strings(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    else:
        yield str(value)
