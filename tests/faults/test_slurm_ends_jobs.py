"""Slurm ends a job by itself: for a more urgent one, for its time, for its memory. What was typed is saved.

Each test states the fault, what is expected, and what must be kept.
"""

import os

import pytest
from lab import Lab
from struck import COURSE, Struck
from twins import as_user, end_in

pytestmark = pytest.mark.slurm

UNSAVED = "typed just before"


def test_a_job_is_preempted(struck: Struck) -> None:
    """Fault: a job of a higher tier takes the nodes. Expected: open pages save in the time that is left, the
    learner reads why, and the job is not run again. Kept: what was typed."""
    ada = struck.running()
    lab, job = Lab(ada, COURSE), struck.job()
    with lab.page("typed.txt", UNSAVED) as saved:
        urgent = ["sbatch", "--parsable", "--account=tra24_campus", "--partition=urgent", "--time=10"]
        urgent += ["--nodes=2", "--exclusive", "--output=/dev/null", "--wrap=sleep 600"]
        submitted = as_user("rosa", *urgent, **struck.twin.environment)
        assert submitted.returncode == 0, submitted.stderr
        assert struck.ended(job) == "PREEMPTED"
        assert saved.wait(10)
    assert "A job with higher priority took the place of yours" in struck.page_of_the_end(ada)
    struck.slurm("scancel", submitted.stdout.strip())
    struck.running()
    assert lab.saved("typed.txt") == UNSAVED
    assert list(struck.states().values()).count("RUNNING") == 1


@pytest.mark.skipif(os.environ.get("CAMPUS_FAULTS") != "all", reason="takes minutes: make test-faults")
def test_the_time_is_over(struck: Struck) -> None:
    """Fault: the job reaches its end. Expected: Slurm's signal comes before, open pages save, and the learner
    reads that the time was over. Kept: what was typed."""
    ada = struck.running()
    lab, job = Lab(ada, COURSE), struck.job()
    with lab.page("typed.txt", UNSAVED) as saved:
        # Slurm looks at its jobs' time every 30 s: with less it could tell and end them at the same look.
        end_in(struck.twin.environment, job, 2)
        assert saved.wait(60), "no page was told"
        assert struck.states()[job] == "RUNNING", "told while there is time left"
        assert struck.ended(job, 240) == "TIMEOUT"
    assert "Your time was over" in struck.page_of_the_end(ada)
    struck.running()
    assert lab.saved("typed.txt") == UNSAVED


def test_a_job_uses_too_much_memory(struck: Struck) -> None:
    """Fault: a cell fills more memory than the job asked for, and slurmd kills the job. Expected: the learner
    is told that it failed, the job's log says why, a new start works. Kept: what was saved."""
    rosa = struck.campus.person("rosa")
    rosa.start("", {"cpus": "1", "memory_gib": "1"})
    rosa.until_ready("")
    lab, job = Lab(rosa, ""), struck.job()
    assert lab.save("kept.txt", "before").ok
    lab.kernel().start("import time; block = b'x' * (1400 * 2**20); time.sleep(600)")
    # With cgroups, as at sites, Slurm 22.05 says OUT_OF_MEMORY; without them it knows of a signal only.
    assert struck.ended(job) == "FAILED"
    assert "It failed." in struck.page_of_the_end(rosa, "")
    assert "memory limit" in struck.log_of("rosa")
    rosa.start("", {"cpus": "1", "memory_gib": "2"})
    rosa.until_ready("")
    assert lab.saved("kept.txt") == "before"
