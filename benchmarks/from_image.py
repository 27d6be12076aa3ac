"""Our notebook server started by hand on a node, from the image of the environment, mounted for it."""

import subprocess
import sys
import tempfile
from pathlib import Path

from hpcampus_spawner.image import environment

with tempfile.TemporaryDirectory(prefix="hpcampus-") as folder, environment(Path(folder)) as mounted:
    if mounted == Path(sys.prefix):
        sys.exit("The image can't be mounted here.")
    server = [mounted / "bin" / "python", "-P", "-m", "hpcampus_spawner.server"]
    sys.exit(subprocess.run(server, check=False).returncode)
