"""Slurm's words for what it offers: one `sinfo` and one `scontrol show reservation`, read with care.

Words of a newer Slurm that aren't known here count neither as free nor as an error.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from hpcampus_spawner.offers import Offers, PartitionOffer, Reservation, Room
from hpcampus_spawner.scheduler import SchedulerError

# Nodes of a partition that look the same come as one line, so a large cluster has a short answer.
COLUMNS = ("PartitionName", "Available", "StateComplete", "Nodes", "CPUsState", "Memory", "AllocMem", "Gres")
SINFO = ("sinfo", "-a", "-h", "-e", "-O", ",".join(f"{c}:|" for c in (*COLUMNS, "GresUsed")))
RESERVATIONS = ("scontrol", "show", "reservation", "-o")

_DOWN = {"down", "drain", "drained", "draining", "error", "fail", "inval", "maint", "not_responding"}
# Promised to another job, between two jobs, or on its way down or up.
_TAKEN = {"allocated", "completing", "planned", "blocked", "power_down", "powering_down", "reboot_issued"}
_NOT_RESPONDING = "*"
_GPU = re.compile(r"(gpu|shard)((?::[^:,]+)?):(\d+)")


def parse_offers(sinfo: str, reservations: str) -> Offers:
    """Read both answers; raises `SchedulerError` when they aren't what was asked for."""
    partitions: dict[str, PartitionOffer] = {}
    for line in sinfo.splitlines():
        if not line.strip():
            continue
        name, offer = _nodes(line)
        partitions[name] = _together(partitions[name], offer) if name in partitions else offer
    return Offers(partitions, tuple(_reservations(reservations)))


def _nodes(line: str) -> tuple[str, PartitionOffer]:
    """Some nodes of one partition."""
    try:
        name, available, state, nodes, cpus, memory, used, gres, gres_used = line.strip().split("|")[:9]
        count, idle_cpus = int(nodes), int(cpus.split("/")[1])
        memory_mib = _number(memory) - _number(used)
    except (ValueError, IndexError):
        raise SchedulerError(f"sinfo answered a line that can't be read: {line[:200]!r}") from None
    words, has = set(state.rstrip(_NOT_RESPONDING + "~#!%$@^-").split("+")), _gpus(gres)
    down = bool(words & _DOWN) or _NOT_RESPONDING in state
    if down or words & _TAKEN or not words & {"idle", "mixed"} or not count:
        # Nothing is free, but which kinds of GPUs there are is still worth knowing.
        none = (Room(nodes=count, cpus=0, gpus=dict.fromkeys(has, 0), empty=False),) if has else ()
        return name, PartitionOffer(available == "up", total=count, down=count if down else 0, rooms=none)
    taken = _gpus(gres_used)
    room = Room(
        nodes=count,
        # On nodes that are partly taken, the average: they differ in nothing else that is shown.
        cpus=idle_cpus // count,
        memory_mib=memory_mib,
        gpus={name: max(0, number - taken.get(name, 0)) for name, number in has.items()},
        empty="idle" in words,
        reserved="reserved" in words,
    )
    idle, mixed = (count, 0) if room.empty else (0, count)
    if room.reserved:
        idle = mixed = 0
    return name, PartitionOffer(available == "up", total=count, idle=idle, mixed=mixed, rooms=(room,))


def _together(one: PartitionOffer, other: PartitionOffer) -> PartitionOffer:
    return PartitionOffer(
        open=one.open,
        total=one.total + other.total,
        idle=one.idle + other.idle,
        mixed=one.mixed + other.mixed,
        down=one.down + other.down,
        rooms=one.rooms + other.rooms,
    )


def _number(text: str) -> int:
    """A number, which a + follows where nodes differ."""
    return int(text.rstrip("+"))


def _gpus(gres: str) -> Mapping[str, int]:
    """GPUs and shares of them by name: `gpu:a100:4(S:0-1),shard:8` has four `gpu:a100` and eight `shard`."""
    plain = re.sub(r"\([^)]*\)", "", gres.replace(":(null)", ""))
    found: dict[str, int] = {}
    for part in plain.split(","):
        if match := _GPU.fullmatch(part.strip().replace(":no_consume", "")):
            name = match[1] + match[2]
            found[name] = found.get(name, 0) + int(match[3])
    return found


def _reservations(text: str) -> Iterator[Reservation]:
    for line in text.splitlines():
        fields = dict(word.partition("=")[::2] for word in line.split() if "=" in word)
        if "ReservationName" not in fields:
            continue
        nodes = fields.get("NodeCnt", "")
        yield Reservation(
            name=fields["ReservationName"],
            starts=moment(fields.get("StartTime", "")),
            ends=moment(fields.get("EndTime", "")),
            partition=next(iter(_list(fields.get("PartitionName"))), None),
            nodes=int(nodes) if nodes.isdigit() else None,
            users=_list(fields.get("Users")),
            accounts=_list(fields.get("Accounts")),
            groups=_list(fields.get("Groups")),
            flags=frozenset(_list(fields.get("Flags"))),
        )


def _list(text: str | None) -> tuple[str, ...]:
    return tuple(entry for entry in (text or "").split(",") if entry not in ("", "(null)"))


def moment(text: str) -> datetime | None:
    """A moment as Slurm prints it, of `TZ`, which is UTC, without a zone; None for what is none."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None
