"""When work is in time, late, or too late: one rule, for whoever asks."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from hpcampus_spawner.models import Model
from pydantic import AfterValidator, AwareDatetime, Field

_END = datetime(2200, 1, 1, tzinfo=UTC)


def _within_reach(moment: datetime) -> datetime:
    if moment >= _END:
        raise ValueError("must be before the year 2200")
    return moment


# So that hours can be added to it, whatever somebody typed.
DueDate = Annotated[AwareDatetime, AfterValidator(_within_reach)]


class LateStep(Model):
    """Work that comes so many hours after its due date, or earlier, loses this part of its score."""

    within_hours: float = Field(gt=0, le=24 * 366)
    percent: float = Field(ge=0, le=100)


@dataclass(frozen=True)
class Standing:
    """How work that came at some moment stands; `late_seconds` is 0 within the grace."""

    late_seconds: int
    percent_off: float


@dataclass(frozen=True)
class Deadline:
    """The last moment for one learner, and what late work costs.

    `steps` None: late work costs nothing. Otherwise what comes later than the last step is not accepted.
    """

    due: datetime
    grace: timedelta = timedelta(0)
    steps: tuple[LateStep, ...] | None = None

    @property
    def closes(self) -> datetime | None:
        """After this moment nothing is accepted; None for never."""
        if self.steps is None:
            return None
        hours = self.steps[-1].within_hours if self.steps else 0
        return max(self.due + self.grace, self.due + timedelta(hours=hours))

    def standing(self, moment: datetime) -> Standing | None:
        """How work of that moment stands; None when it is too late."""
        if moment <= self.due + self.grace:
            return Standing(0, 0)
        late = moment - self.due
        seconds = max(1, int(late.total_seconds()))
        if self.steps is None:
            return Standing(seconds, 0)
        percent = next((s.percent for s in self.steps if late <= timedelta(hours=s.within_hours)), None)
        return None if percent is None else Standing(seconds, percent)
