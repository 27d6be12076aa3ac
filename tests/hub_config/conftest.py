"""Fixtures of the hub's tests."""

from spawner_fixtures import hub

__all__ = ["hub"]
