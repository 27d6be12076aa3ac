#!/bin/bash
# What people would use instead, each in an environment of its own below .rivals/. The notebook server's packages
# are in both, in the versions of lock/compute.txt, so that only what starts and watches the servers differs.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$(tools/find_uv.sh)

for rival in batchspawner==1.3.0 jupyterhub-moss==10.1.0; do
    venv=.rivals/${rival%%=*}
    if [ ! -e "$venv/.installed" ]; then
        echo "Installing $rival into $venv …"
        "$uv" venv --quiet --python "$(tools/find_python.sh)" "$venv"
        "$uv" pip install --quiet --python "$venv/bin/python" --compile-bytecode \
            --requirement lock/compute.txt "$rival" batchspawner==1.3.0
        touch "$venv/.installed"
    fi
done
