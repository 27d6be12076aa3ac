#!/bin/sh
# The job is accepted, and whoever asked for it hears of it much later.
answer=$(/usr/bin/sbatch "$@")
sleep 45
echo "$answer"
