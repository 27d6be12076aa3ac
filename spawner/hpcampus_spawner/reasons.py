"""Why a job waits: sentences for the words of schedulers, for someone who never used one."""

import re

NEXT = "It is next: it waits until enough of the cluster is free."
OTHERS_FIRST = "Other jobs come first."
AWAY = "The nodes it needs are down or reserved."
MAINTENANCE = "Its nodes are reserved for maintenance. It starts afterwards, or before if time allows."
DEPENDENCY = "It waits for another job to finish."
BEGIN = "It may start only from a set time on."
RESERVATION = "It waits for its reservation to begin."
CLOSED = "This part of the cluster is closed at the moment."
FULL_OF_JOBS = "This part of the cluster already runs as many jobs as it may."
HELD = "It is held by its owner."
HELD_BY_ADMINS = "The cluster's administrators are holding it. Ask them why."
YOUR_JOBS = "You already have as many jobs running as you may. It starts when one of them ends."
PROJECTS_JOBS = "Your project already has as many jobs running as it may. It starts when one of them ends."
YOUR_SHARE = "You already use as much of the cluster as you may at once. It starts when a job of yours ends."
PROJECTS_SHARE = "Your project already uses as much of the cluster as it may at once."
EVERYBODYS_SHARE = "Everybody in its quality of service together already uses as much as they may at once."
TIME_USED_UP = "The time that was granted is used up. Ask the people who run this campus."
TOO_BIG = "It asks for more than one job may have here, so it can't start. Cancel it, and ask for less."
TOO_SMALL = "It asks for less than its quality of service is for, so it can't start. Cancel it; ask for more."
NEVER = "The cluster has nothing that could ever run it. Cancel it, and ask for less."
NOT_ALLOWED = "Its project or quality of service may not be used here. Tell the people who run this campus."
LICENCES = "It waits for a licence of a program."
STORAGE = "It waits for fast storage."
LAUNCH = "It could not be started on its node, and is held. Cancel it and start again."

# Slurm's words (squeue's column %r); a comma and details may follow some of them.
_WORDS = {
    "Resources": NEXT,
    "Priority": OTHERS_FIRST,
    "SchedDefer": OTHERS_FIRST,
    "Dependency": DEPENDENCY,
    "DependencyNeverSatisfied": "It waits for another job that has failed, so it can't start. Cancel it.",
    "BeginTime": BEGIN,
    "Reservation": RESERVATION,
    "ReservationDeleted": "Its reservation is no more, so it can't start. Cancel it and start again.",
    "ReqNodeNotAvail": AWAY,
    "NodeDown": AWAY,
    "FrontEndDown": AWAY,
    "PartitionDown": CLOSED,
    "PartitionInactive": CLOSED,
    "PartitionNodeLimit": TOO_BIG,
    "PartitionTimeLimit": TOO_BIG,
    "BadConstraints": NEVER,
    "JobHeldUser": HELD,
    "JobHeldAdmin": HELD_BY_ADMINS,
    "JobArrayTaskLimit": YOUR_JOBS,
    "JobLaunchFailure": LAUNCH,
    "InvalidAccount": NOT_ALLOWED,
    "InvalidQOS": NOT_ALLOWED,
    "AccountNotAllowed": NOT_ALLOWED,
    "QOSNotAllowed": NOT_ALLOWED,
    "AccountingPolicy": PROJECTS_SHARE,
    "QOSUsageThreshold": TIME_USED_UP,
    "QOSJobLimit": YOUR_JOBS,
    "QOSResourceLimit": YOUR_SHARE,
    "QOSTimeLimit": TIME_USED_UP,
    "AssociationJobLimit": PROJECTS_JOBS,
    "AssociationResourceLimit": PROJECTS_SHARE,
    "AssociationTimeLimit": TIME_USED_UP,
    "MaxMemPerLimit": TOO_BIG,
    "Licenses": LICENCES,
    "Cleaning": "An earlier try of it is being tidied up.",
    "Prolog": "Its node is being prepared.",
    "SystemFailure": "Something is wrong with the cluster. Its administrators have to see to it.",
}
# Slurm's limits: hundreds of words, put together from who, what and for whom. The first that fits counts.
_LIMITS = (
    ("(QOS|Assoc)(Grp|Max).*RunMinutes.*", PROJECTS_SHARE),
    ("(QOS|Assoc)Max.*PerJob.*", TOO_BIG),
    ("(QOS|Assoc)Max.*PerNode.*", TOO_BIG),
    ("(QOS|Assoc)Grp(.*Minutes.*|Wall.*)", TIME_USED_UP),
    ("QOSMin.*", TOO_SMALL),
    ("QOSGrp.*", EVERYBODYS_SHARE),
    ("QOSMax(Submit)?Jobs?.*PerUser.*|AssocMax(Submit)?Jobs?.*", YOUR_JOBS),
    ("QOSMax.*PerUser.*", YOUR_SHARE),
    ("(Assoc)?(Grp|Max)(Submit)?Jobs?.*", PROJECTS_JOBS),
    ("(Assoc|Max).*", PROJECTS_SHARE),
    ("BurstBuffer.*", STORAGE),
    (".*requeued held", LAUNCH),
)
# Parts of longer texts: what Slurm adds after a comma, and PBS's sentences, which hold figures.
_PARTS = {
    "Reserved for maintenance": MAINTENANCE,
    "reserved for jobs in higher priority partitions": OTHERS_FIRST,
    "May be reserved for other job": OTHERS_FIRST,
    "Can Never Run": NEVER,
    "Insufficient amount of resource": NEXT,
    "Not enough free nodes": NEXT,
    "node is in use": NEXT,
    "No available resources on nodes": NEXT,
    "reservation or top job": OTHERS_FIRST,
    "starving job": OTHERS_FIRST,
    "Not enough total nodes": AWAY,
    "dedicated time": MAINTENANCE,
    "per-user limit": YOUR_JOBS,
    "User has reached": YOUR_JOBS,
    "per-project limit": PROJECTS_JOBS,
    "Project has reached": PROJECTS_JOBS,
    "per-group limit": PROJECTS_JOBS,
    "Group has reached": PROJECTS_JOBS,
    "job limit": FULL_OF_JOBS,
    "Queue not started": CLOSED,
    "Job held by": HELD,
}


def reason_in_words(reason: str) -> str:
    """One sentence; a word that nobody foresaw is shown as it is."""
    word = reason.partition(",")[0].strip()
    part = (sentence for piece, sentence in _PARTS.items() if piece in reason)
    limit = (sentence for pattern, sentence in _LIMITS if re.fullmatch(pattern, word))
    unknown = f"The scheduler's reason: {word}." if word else ""
    return next(part, None) or _WORDS.get(word) or next(limit, unknown)
