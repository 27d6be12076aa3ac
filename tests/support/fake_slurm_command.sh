#!/bin/bash
# Stands in for one of Slurm's commands: notes how it was called, then answers as the test says.
me=$0
printf '%s\n' "$@" >"$me.argv"
env >"$me.env"
cat >"$me.stdin"
echo $$ >>"$me.calls"
cat "$me.out"
cat "$me.err" >&2
[ -e "$me.hangs" ] && exec sleep 600
exit "$(cat "$me.code")"
