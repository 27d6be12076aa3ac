#!/bin/bash
# Print the Python to build the environment with.
# The system's own comes first: jobs of other Unix accounts run it, and a Python in somebody's home is closed to them.
set -euo pipefail

for python in /usr/bin/python3 python3; do
    if "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
        command -v "$python"
        exit
    fi
done
echo "No Python from 3.11 to 3.13 found. On Debian or Ubuntu: apt-get install python3 python3-venv" >&2
exit 1
