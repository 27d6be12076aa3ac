"""Fixtures of the spawner's tests."""

from spawner_fixtures import connection, homes, hub, keys, launcher, pbs, slurm_commands, ssh

__all__ = ["connection", "homes", "hub", "keys", "launcher", "pbs", "slurm_commands", "ssh"]
