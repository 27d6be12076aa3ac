"""The `campus` command; its subcommands come from whichever of our packages are installed.

It lives in the package that every machine has: operators call it on the hub, instructors on a compute node.
"""

from importlib.metadata import entry_points

import click

from hpcampus_spawner.lean_imports import leave_out_what_nobody_needs

leave_out_what_nobody_needs()


class _InstalledCommands(click.Group):
    """Finds subcommands among the entry points `hpcampus.commands`, importing only the one that runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(entry.name for entry in entry_points(group="hpcampus.commands"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for entry in entry_points(group="hpcampus.commands", name=cmd_name):
            command = entry.load()
            assert isinstance(command, click.Command)
            return command
        return None


@click.group(cls=_InstalledCommands)
@click.version_option(package_name="hpcampus-spawner")
def main() -> None:
    """HPCampus: the training floor of a supercomputer."""
