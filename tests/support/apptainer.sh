#!/bin/bash
# Stands in for Apptainer and Singularity: notes how it was called, then runs the command as it would inside.
{
    printf '%s' "${0##*/}"
    printf '|%s' "$@"
    printf '\n'
} >>"$(dirname "$0")/calls"
[ "$1" = exec ] || exit 2
shift
while [[ $1 == --* ]]; do
    [ "$1" = --bind ] && shift
    shift
done
shift
exec "$@"
