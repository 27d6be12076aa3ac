"""What the hub, the job and the server in it agree on about the end. Standard library only."""

SIGNAL_SECONDS = 120
"""How long before its end a job is told, by SIGUSR1. Slurm may be up to 60 s early, and is never late."""
