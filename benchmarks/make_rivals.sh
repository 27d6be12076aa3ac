#!/bin/bash
# What people would use instead, each in an environment of its own below .rivals/: `make_rivals.sh hubs|graders`.
#
# Hubs and nbgrader get the notebook server's packages, in the versions of lock/compute.txt, so that only what is
# measured differs. The other graders get what they ask for, and the same NumPy and Numba.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$(tools/find_uv.sh)

install() { # NAME, what uv takes
    local venv=.rivals/$1
    if [ ! -e "$venv/.installed" ]; then
        echo "Installing $1 into $venv …"
        "$uv" venv --quiet --clear --python "$(tools/find_python.sh)" "$venv"
        "$uv" pip install --quiet --python "$venv/bin/python" --compile-bytecode "${@:2}"
        touch "$venv/.installed"
    fi
}

ours=(--requirement lock/compute.txt)
case $1 in
    hubs)
        install batchspawner "${ours[@]}" batchspawner==1.3.0
        install jupyterhub-moss "${ours[@]}" jupyterhub-moss==10.1.0 batchspawner==1.3.0
        ;;
    graders)
        mapfile -t numbers < <(sed -nE 's/^((numpy|numba|ipykernel)==[^\\]*[^ \\]).*/\1/p' lock/compute.txt)
        install nbgrader "${ours[@]}"
        install otter-grader otter-grader==7.0.0 "${numbers[@]}"
        install grader-service grader-service==0.12.5 "${numbers[@]}"
        ;;
esac
