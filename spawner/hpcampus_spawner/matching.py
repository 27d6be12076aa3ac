"""The match between what a course needs and what a site offers: a pure function."""

import math

from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.fitting import Fit, fit, mib, wrong_vendor
from hpcampus_spawner.needs import Needs
from hpcampus_spawner.offers import Offers
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.site import GpuRequest, Partition, Site
from hpcampus_spawner.wishes import Wishes, wished
from hpcampus_spawner.words import duration

VENDORS = {"amd": "AMD", "nvidia": "NVIDIA"}


class NothingFits(Refused):
    """No partition has what is needed; `nearest` are needs that would fit, if there are any."""

    def __init__(self, sentence: str, nearest: Needs | None) -> None:
        super().__init__("resources", sentence)
        self.nearest = nearest


def match(
    needs: Needs,
    site: Site,
    allocation: Allocation | None = None,
    wishes: Wishes | None = None,
    offers: Offers | None = None,
) -> JobRequest:
    """Find the partition that fits and say why; raises `Refused` with the nearest thing that would work.

    A fact that the site doesn't publish never refuses anything, because the scheduler knows better.
    `offers` adds the types of GPUs that the scheduler has and the site's file doesn't.
    """
    allocation, wishes = allocation or Allocation(), wishes or Wishes()
    _check_open(site, allocation)
    candidates = wished(site, wishes, offers)
    needs, explanation = _on_cpu_if_it_must(needs, site, candidates)
    fits = [fit(needs, site, candidate, allocation) for candidate in _preferred(candidates, needs)]
    for found in fits:
        if not found.problems:
            return _request(found, site, allocation, wishes, explanation)
    raise _nothing_fits(site, allocation, fits)


def _check_open(site: Site, allocation: Allocation) -> None:
    """Refuse what no needs could change."""
    if site.announced:
        missing = "scheduler" if site.scheduler.kind is None else "partitions"
        raise Refused(
            "announced",
            f"{site.name} is announced only: nobody has published its {missing}, so nothing can be started "
            "there yet. Choose another site.",
        )
    if site.account.required and allocation.account is None:
        raise Refused(
            "account",
            f"Jobs on {site.name} are charged to a project, and none is set for you here. "
            "Ask the people who run this hub to set the account of your course.",
        )
    if site.project_qos and site.qos_rule.required and allocation.qos is None:
        raise Refused(
            "qos",
            f"Jobs on {site.name} name the QOS of their project, and none is set for you here. "
            "Ask the people who run this hub to set the QOS of your course.",
        )


def _on_cpu_if_it_must(
    needs: Needs, site: Site, candidates: list[Partition]
) -> tuple[Needs, tuple[str, ...]]:
    """Work that can do without a GPU does so where there is none that it could use."""
    with_gpus = [p for p in candidates if p.has_gpus]
    if not (needs.gpus and needs.runs_without_gpu) or any(not wrong_vendor(p, needs) for p in with_gpus):
        return needs, ()
    sentence = f"No GPU on {site.name}: the work runs on the CPU."
    if with_gpus and needs.gpu_vendor:
        maker = VENDORS[needs.gpu_vendor]
        sentence = f"No {maker} GPU on {site.name}, and the work needs one of {maker}'s: it runs on the CPU."
    return needs.model_copy(update={"gpus": 0}), (sentence,)


def _preferred(partitions: list[Partition], needs: Needs) -> list[Partition]:
    """GPU work goes to GPU nodes and other work keeps off them; shared nodes come before whole ones."""
    if needs.gpus:
        # Where GPUs are known to be somewhere, nobody is sent to look for them elsewhere.
        partitions = [p for p in partitions if p.has_gpus] or partitions
    return sorted(
        partitions, key=lambda p: (p.has_gpus != bool(needs.gpus), bool(p.exclusive), not p.default)
    )


def _nothing_fits(site: Site, allocation: Allocation, fits: list[Fit]) -> NothingFits:
    ranked = sorted(fits, key=lambda found: len(found.problems))
    reasons = " | ".join(f"{found.partition.name}: {'; '.join(found.problems)}" for found in ranked)
    sentence = f"Nothing on {site.name} fits. {reasons or 'No partition is open to notebooks'}."
    for found in ranked:
        nearest = found.shrunk
        if not fit(nearest, site, found.partition, allocation).problems:
            works = f" What would work: {_sizes(nearest)} on {found.partition.name}."
            return NothingFits(sentence + works, nearest)
    return NothingFits(sentence, None)


def _sizes(needs: Needs) -> str:
    gpus = f"{needs.gpus} GPUs, " if needs.gpus else ""
    return f"{gpus}{needs.cpus} CPUs and {needs.memory_gib:g} GiB for {duration(needs.walltime_minutes)}"


def _request(
    found: Fit, site: Site, allocation: Allocation, wishes: Wishes, explanation: tuple[str, ...]
) -> JobRequest:
    partition, needs, part = found.partition, found.needs, found.gpu_slice
    whole = bool(partition.exclusive)
    # Where nobody has published how, GPUs are asked for in the way that every Slurm understands.
    gpu_request = part.request if part else site.gpu_request or "gres"
    request = JobRequest(
        partition=partition.name,
        select=partition.select,
        account=_account(partition, allocation),
        account_request=site.account_request,
        qos=found.qos.name if found.qos else None,
        reservation=(part and part.reservation) or wishes.reservation or allocation.reservation,
        constraint=partition.constraint,
        cpus=_cpus(found, site),
        memory_mib=None if site.memory_follows_cpus else _memory_mib(found),
        gpus=(partition.gpus if whole and needs.gpus else None) or needs.gpus,
        gpu_request=gpu_request,
        gpu_type=_gpu_type(found, gpu_request, wishes.gpu_type if needs.gpus else None),
        exclusive=whole,
        walltime_minutes=needs.walltime_minutes,
    )
    reasons = (*explanation, _sentence(request, found, allocation))
    return request.model_copy(update={"explanation": reasons})


def _gpu_type(found: Fit, gpu_request: GpuRequest, wished: str | None) -> str | None:
    """The type that the job names: the slice's, or the one wished for, or the site's where jobs must."""
    part = found.gpu_slice
    if gpu_request == "typed-gres":
        return part.name if part else wished or found.partition.gpu_type
    return None if part else wished


def _account(partition: Partition, allocation: Allocation) -> str | None:
    """The project's name as this partition's budget is called."""
    name, suffix = allocation.account, partition.account_suffix or ""
    return name if name is None or name.endswith(suffix) else name + suffix


def _cpus(found: Fit, site: Site) -> int:
    """The CPUs of the whole node, or those needed, or those that come with the GPUs or the memory."""
    partition, needs = found.partition, found.needs
    if partition.exclusive:
        return partition.cpus or needs.cpus
    wanted = [needs.cpus]
    if found.gpu_slice is None and partition.cpus_per_gpu:
        wanted.append(partition.cpus_per_gpu * needs.gpus)
    if site.memory_follows_cpus and partition.cpus and partition.memory_mib:
        wanted.append(math.ceil(mib(needs) * partition.cpus / partition.memory_mib))
    return min(max(wanted), partition.cpus or max(wanted))


def _memory_mib(found: Fit) -> int:
    partition, needs = found.partition, found.needs
    share = 0 if found.gpu_slice else int(1024 * (partition.memory_gib_per_gpu or 0) * needs.gpus)
    wanted = max(mib(needs), share)
    return min(wanted, partition.memory_mib or wanted)


def _sentence(request: JobRequest, found: Fit, allocation: Allocation) -> str:
    """What was chosen, for the person who waits for it."""
    partition = found.partition
    parts = []
    if found.gpu_slice:
        parts.append(f"a slice {found.gpu_slice.name} of a GPU")
    elif request.gpus:
        kind = f"{request.gpu_type} GPUs" if request.gpu_type else "GPUs"
        parts.append(f"{request.gpus} of {partition.gpus or 'an unpublished number of'} {kind}")
    if request.exclusive:
        parts.append("whole nodes only")
    elif request.gpus and request.cpus == (partition.cpus_per_gpu or 0) * request.gpus:
        parts.append(f"{partition.cpus_per_gpu} cores come with each GPU")
    memory = f" and {request.memory_mib / 1024:g} GiB" if request.memory_mib and not request.exclusive else ""
    parts.append(f"{request.cpus} CPUs{memory} for {duration(request.walltime_minutes)}")
    if request.account:
        because = f" because of {allocation.reason}" if allocation.reason else ""
        parts.append(f"account {request.account}{because}")
    if request.qos:
        parts.append(f"QOS {request.qos}")
    if request.reservation:
        parts.append(f"reservation {request.reservation}")
    return f"{request.partition}: {'; '.join(parts)}."
