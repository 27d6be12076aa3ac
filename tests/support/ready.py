"""What the hub's readiness endpoint says, as monitoring would ask it."""

import requests
from campus_under_test import CampusUnderTest, wait_for


def ready(campus: CampusUnderTest, *, past_the_proxy: bool = False) -> tuple[int, dict[str, str]]:
    """The status, and what is wrong by name."""
    url = f"http://127.0.0.1:{campus.settings.ports()['hub']}" if past_the_proxy else campus.settings.url
    answer = requests.get(f"{url}/hub/api/campus/ready", timeout=30)
    return answer.status_code, answer.json()["problems"]


def until_ready(campus: CampusUnderTest, seconds: float = 60) -> None:
    """Wait until nothing is wrong."""
    wait_for(lambda: ready(campus) == (200, {}), f"the hub is ready: {ready(campus)}", seconds)


def until_not_ready(
    campus: CampusUnderTest, *what: str, seconds: float = 60, past_the_proxy: bool = False
) -> str:
    """Wait until that is what's wrong, and nothing else; returns the sentences."""

    def problem() -> str | None:
        code, problems = ready(campus, past_the_proxy=past_the_proxy)
        return " ".join(problems.values()) if code == 503 and set(problems) == set(what) else None

    now = ready(campus, past_the_proxy=past_the_proxy)
    return wait_for(problem, f"{what} not ready: {now}", seconds)
