"""The match between what a course needs and what a site offers: a pure function."""

from collections.abc import Iterator

from hpcampus_spawner.needs import Needs
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.site import Partition, Site


def match(
    needs: Needs, site: Site, *, account: str | None = None, partition: str | None = None
) -> JobRequest:
    """Find the partition that fits and say why; raises `Refused` with the nearest thing that would work.

    `account` is the project the job is charged to, `partition` a wish of the person who asks; a fact that
    the site doesn't publish never refuses anything, because the scheduler knows better.
    """
    if site.account.required and account is None:
        raise Refused(
            "account",
            f"Jobs on {site.system} are charged to a project, and none is set for you here. "
            "Ask the people who run this hub to set the account of your course.",
        )
    candidates = _wished(site, partition)
    explanation: tuple[str, ...] = ()
    if needs.gpus and needs.runs_without_gpu and not any(_has_gpus(p, needs) for p in candidates):
        explanation = (f"No GPU on {site.system}: the work runs on the CPU.",)
        needs = needs.model_copy(update={"gpus": 0})
    problems: list[str] = []
    for candidate in _preferred(candidates, needs):
        found = list(_misfits(candidate, needs))
        if not found:
            return _request(needs, candidate, account, explanation)
        problems.append(f"{candidate.name}: {'; '.join(found)}")
    raise Refused("resources", f"Nothing on {site.system} fits. " + " | ".join(problems))


def _wished(site: Site, partition: str | None) -> tuple[Partition, ...]:
    if partition is None:
        return site.partitions
    if found := site.partition(partition):
        return (found,)
    names = ", ".join(p.name for p in site.partitions)
    raise Refused("partition", f"{site.system} has no partition of that name. It has: {names}.")


def _has_gpus(partition: Partition, needs: Needs) -> bool:
    wrong_vendor = needs.gpu_vendor and partition.gpu_vendor and partition.gpu_vendor != needs.gpu_vendor
    return bool(partition.gpus) and not wrong_vendor


def _preferred(partitions: tuple[Partition, ...], needs: Needs) -> list[Partition]:
    """GPU work goes to GPU nodes and other work keeps off them; then the site's default, then its order."""
    return sorted(partitions, key=lambda p: (bool(p.gpus) != bool(needs.gpus), not p.default))


def _misfits(partition: Partition, needs: Needs) -> Iterator[str]:
    """What of the needs this partition can't give, each with the most it has."""
    wanted = (
        (needs.gpus, partition.gpus, "GPUs on a node", "at most {}"),
        (needs.cpus, partition.cpus, "CPUs on a node", "1 to {}"),
        (_mib(needs), partition.memory_mib, "MiB of memory on a node", "1 to {}"),
        (needs.walltime_minutes, partition.max_walltime_minutes, "minutes", "1 to {}"),
    )
    for want, limit, unit, bound in wanted:
        if limit is not None and want > limit:
            yield f"{want} {unit} asked for, {bound.format(limit)} possible"
    if needs.gpus and partition.gpus and not _has_gpus(partition, needs):
        yield f"needs {needs.gpu_vendor} GPUs, has {partition.gpu_vendor}"


def _mib(needs: Needs) -> int:
    return max(1, round(needs.memory_gib * 1024))


def _request(
    needs: Needs, partition: Partition, account: str | None, explanation: tuple[str, ...]
) -> JobRequest:
    gpus = f"{needs.gpus} of {partition.gpus} GPUs, " if needs.gpus else ""
    charged = f", charged to {account}" if account else ""
    hours = needs.walltime_minutes / 60
    sentence = (
        f"{partition.name}: {gpus}{needs.cpus} CPUs and {needs.memory_gib:g} GiB for {hours:g} h{charged}."
    )
    return JobRequest(
        partition=partition.name,
        account=account,
        cpus=needs.cpus,
        memory_mib=_mib(needs),
        gpus=needs.gpus,
        walltime_minutes=needs.walltime_minutes,
        explanation=(*explanation, sentence),
    )
