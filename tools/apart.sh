#!/bin/bash
# Runs a command with processes and Unix accounts of its own, as root: so two runs of tests that make accounts and
# start clusters don't meet on one machine. Files, ports and the network are shared.
set -euo pipefail
here=$(mktemp -d /var/tmp/hpcampus-apart-XXXXXX)
trap 'rm -rf "$here"' EXIT
mkdir "$here/etc" "$here/work"
chmod 755 "$here" "$here/etc"
# The shell stays, for a last command of its own: the first process of a namespace must collect orphans.
inside='mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/etc,workdir=$1/work" /etc; shift; "$@"; :'
unshare --mount --pid --fork --kill-child --mount-proc bash -euc "$inside" apart "$here" "$@"
