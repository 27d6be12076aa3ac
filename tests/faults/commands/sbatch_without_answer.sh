#!/bin/sh
# The job is accepted, and the answer is lost.
/usr/bin/sbatch "$@" >/dev/null
echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2
exit 1
