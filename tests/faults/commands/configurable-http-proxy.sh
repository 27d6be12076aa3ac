#!/bin/bash
# The real proxy, unless there is the file `no-proxy` where the hub runs.
[ ! -e no-proxy ] || exit 1
exec "$(type -ap configurable-http-proxy | sed -n 2p)" "$@"
