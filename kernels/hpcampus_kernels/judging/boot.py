"""The first lines of a process of the judge's own: `python -I boot.py MODULE FOLDER...`.

The folders are those of its packages; the module is one of `hpcampus_kernels.judging`, and has a `main`.
"""

import sys
from importlib import import_module

if __name__ == "__main__":
    module, *sys.path[:0] = sys.argv[1:]
    import_module(f"hpcampus_kernels.judging.{module}").main()
