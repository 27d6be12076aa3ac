"""Fixtures of the spawner's tests."""

from spawner_fixtures import homes, hub, launcher, pbs, slurm_commands

__all__ = ["homes", "hub", "launcher", "pbs", "slurm_commands"]
