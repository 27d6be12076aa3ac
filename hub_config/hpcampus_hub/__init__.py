"""The hub: its configuration, its pages, and the `campus` command."""

from hpcampus_spawner.lean_imports import leave_out_what_nobody_needs

leave_out_what_nobody_needs()
