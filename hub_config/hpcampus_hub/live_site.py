"""What a cluster says of itself, through Slurm's own commands, as the facts of a site."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from hpcampus_spawner.models import Model
from hpcampus_spawner.site import Partition, Qos

from hpcampus_hub.twin.commands import CommandFailed, run

_GPUS = re.compile(r"\bgpu(?::([A-Za-z][\w.-]*))?:(\d+)")
# `gpu:a100:4(S:0-1),shard:a100:8` without counts and sockets.
_GRES = re.compile(r"(?:^|,)([A-Za-z]\w*(?::[A-Za-z0-9][\w.-]*(?=:))?)")
_TIME = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)")


class LiveSite(Model):
    """One cluster, as seen from where the commands ran."""

    version: str | None
    partitions: tuple[Partition, ...]
    qos: tuple[Qos, ...]
    gres: Mapping[str, frozenset[str]]
    """By partition: what its nodes have, as `gpu`, `gpu:a100`, `gpu:1g.10gb` or `shard`."""
    accounts: frozenset[str]
    reservations: frozenset[str]
    private_data: frozenset[str]
    """What people who aren't operators, the hub's own account perhaps included, see only their own of."""

    @classmethod
    def ask(cls, environment: Mapping[str, str]) -> "LiveSite":
        """Ask slurmctld and slurmdbd; raises `CommandFailed`."""
        config = _settings(run(["scontrol", "show", "config"], environment))
        nodes = _records(run(["scontrol", "--oneliner", "show", "node"], environment))
        partitions = _records(run(["scontrol", "--oneliner", "show", "partition"], environment))
        return cls(
            version=config.get("SLURM_VERSION"),
            partitions=tuple(_partition(record, nodes) for record in partitions),
            qos=_ask_qos(environment),
            gres={record["PartitionName"]: _gres(_nodes_in(record, nodes)) for record in partitions},
            accounts=frozenset(_sacctmgr(environment, "assoc", "account")),
            reservations=_ask_reservations(environment),
            private_data=frozenset(config.get("PrivateData", "").split(",")),
        )


def minutes(text: str) -> int | None:
    """Slurm's [days-][hours:]minutes:seconds in whole minutes; None for UNLIMITED, NONE and nothing."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    days, hours, whole, seconds = (int(part or 0) for part in found.groups())
    return max(1, (days * 24 + hours) * 60 + whole + (seconds > 0))


def _ask_qos(environment: Mapping[str, str]) -> tuple[Qos, ...]:
    rows = (line.partition("|") for line in _sacctmgr(environment, "qos", "name,maxwall"))
    return tuple(Qos(name=name, max_walltime_minutes=minutes(wall)) for name, _, wall in rows if name)


def _ask_reservations(environment: Mapping[str, str]) -> frozenset[str]:
    records = _records(run(["scontrol", "--oneliner", "show", "reservation"], environment))
    return frozenset(record["ReservationName"] for record in records if "ReservationName" in record)


def _sacctmgr(environment: Mapping[str, str], what: str, columns: str) -> list[str]:
    """The rows that sacctmgr shows; none where there is no slurmdbd to ask."""
    options = ["--parsable2", "--noheader", "show", what, f"format={columns}"]
    try:
        return run(["sacctmgr", *options], environment).splitlines()
    except CommandFailed:
        return []


def _nodes_in(partition: Mapping[str, str], nodes: list[dict[str, str]]) -> list[dict[str, str]]:
    name = partition["PartitionName"]
    return [node for node in nodes if name in node.get("Partitions", "").split(",")]


def _gres(nodes: list[dict[str, str]]) -> frozenset[str]:
    found = {name for node in nodes for name in _GRES.findall(node.get("Gres", ""))}
    # A share is asked for without the type of its GPU.
    return frozenset(name if name.startswith("gpu") else name.partition(":")[0] for name in found)


def _partition(record: Mapping[str, str], nodes: list[dict[str, str]]) -> Partition:
    name = record["PartitionName"]
    ours = _nodes_in(record, nodes)
    # Of several kinds of nodes, the one that there is most of.
    shapes = Counter(
        (node["CPUTot"], node["RealMemory"], node.get("Gres", ""), node.get("Arch", "")) for node in ours
    )
    facts: dict[str, Any] = {}
    if shapes:
        cpus, memory, gres, arch = shapes.most_common(1)[0][0]
        found = _GPUS.findall(gres)
        facts = {"cpus": int(cpus), "schedulable_memory_mib": int(memory)}
        facts["cpu_arch"] = arch if arch in ("x86_64", "aarch64") else None
        facts["gpus"] = sum(int(count) for _, count in found)
        facts["gpu_type"] = found[0][0] or None if found else None
    return Partition(
        name=name,
        nodes=len(ours) or None,
        max_walltime_minutes=minutes(record.get("MaxTime", "")),
        default_walltime_minutes=minutes(record.get("DefaultTime", "")),
        exclusive=record.get("OverSubscribe") == "EXCLUSIVE",
        default=record.get("Default") == "YES",
        **facts,
    )


def _records(text: str) -> list[dict[str, str]]:
    """One dictionary for each line of `scontrol --oneliner`."""
    lines = (line.split() for line in text.splitlines() if "=" in line)
    return [dict(word.split("=", 1) for word in words if "=" in word) for words in lines]


def _settings(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}
