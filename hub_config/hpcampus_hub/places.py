"""The sites' answers to one wish of one person, gathered without waiting longer than for an estimate."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from hpcampus_spawner.admission import Person
from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.options import Options
from hpcampus_spawner.placement import place
from hpcampus_spawner.refusal import Refused

from hpcampus_hub.choosing import Choice, figures_in_words
from hpcampus_hub.enrolment import Enrolment


@dataclass(frozen=True)
class Places:
    """The clusters of one hub, by site, in the operator's order."""

    clusters: Mapping[str, Cluster]
    enrolment: Enrolment

    async def choices(self, person: Person, server: str, options: Options) -> list[Choice]:
        """Each site's answer; it passes the same checks as a start."""
        asked = (self._choice(cluster, person, server, options) for cluster in self.clusters.values())
        return list(await asyncio.gather(*asked))

    async def _choice(self, cluster: Cluster, person: Person, server: str, options: Options) -> Choice:
        site, now, seen = cluster.site, datetime.now(UTC), cluster.availability.look()
        try:
            admission = self.enrolment.admit(person, server, options, site.id)
            cluster.launcher.check(person.name)
            request = place(person.name, admission, site, seen, now)
        except Refused as refused:
            return Choice(site.id, site.name, refusal=refused.sentence)
        answers = seen is not None and seen.current(now)
        free = seen is not None and seen.offers.takes(request) > 0
        estimate = None
        if answers and not free:
            estimate = await cluster.estimates.start_of(person.name, request)
        return Choice(
            site_id=site.id,
            site=site.name,
            request=request,
            offer=seen.offers.partitions.get(request.partition) if seen else None,
            figures=figures_in_words(seen, now),
            known=seen is not None,
            answers=answers,
            pending=cluster.watcher.pending(request.partition),
            free=free,
            estimate=estimate,
        )
