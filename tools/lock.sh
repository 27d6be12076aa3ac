#!/bin/bash
# Renew lock/: one file of exact versions and hashes for each kind of machine.
# uv.lock itself isn't committed, since it holds the address of the index that it was made with. Where there is
# one, versions that still fit are kept; where there is none, everything moves to the newest that fits.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=$(tools/find_uv.sh)
"$uv" lock --python "$(tools/find_python.sh)"
for group in hub compute dev node tools; do
    "$uv" export --quiet --frozen --only-group "$group" --no-emit-workspace --no-header --no-annotate \
        --format requirements-txt --output-file "lock/$group.txt"
done
