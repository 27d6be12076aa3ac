"""Subcommands of `campus`; what is slow to import is imported when a command runs."""
