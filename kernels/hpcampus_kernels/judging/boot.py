"""The first lines of the judge's process: `python -I boot.py FOLDER...` with the folders of its packages."""

import sys

if __name__ == "__main__":
    sys.path[:0] = sys.argv[1:]
    from hpcampus_kernels.judging.server import main

    main()
