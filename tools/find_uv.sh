#!/bin/bash
# Print the path of uv. Where there is none on PATH, the locked one is put into .tools first.
set -euo pipefail
cd "$(dirname "$0")/.."

if uv --version >/dev/null 2>&1; then
    command -v uv
    exit
fi
if ! .tools/bin/uv --version >/dev/null 2>&1; then
    echo "Getting uv …" >&2
    python=$(tools/find_python.sh)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "$python can't make virtual environments. On Debian or Ubuntu: apt-get install python3-venv" >&2
        exit 1
    fi
    "$python" -m venv --clear .tools >&2
    .tools/bin/python -m pip install --quiet --require-hashes --requirement lock/tools.txt >&2
fi
echo "$PWD/.tools/bin/uv"
