"""A twin: a miniature of a site's Slurm cluster on one machine."""

from hpcampus_hub.twin.errors import TwinUnavailable
from hpcampus_hub.twin.twin import Twin

__all__ = ["Twin", "TwinUnavailable"]
