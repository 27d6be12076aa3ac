"""`python -m hpcampus_kernels mutate PROBLEM...`: how many mutants of a solution the checks find out."""

import argparse
import sys

from hpcampus_kernels.mutation import score
from hpcampus_kernels.problems import PROBLEMS


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 1 if a mutant lives that should not."""
    parser = argparse.ArgumentParser(prog="python -m hpcampus_kernels", description=__doc__)
    command = parser.add_subparsers(dest="command", required=True).add_parser(
        "mutate", help="change a problem's solution by one mistake at a time, and check each"
    )
    command.add_argument("problem", nargs="+", choices=tuple(PROBLEMS))
    alive = 0
    for name in parser.parse_args(arguments).problem:
        found = score(PROBLEMS[name])
        alive += len(found.alive)
        sys.stdout.write(f"{found}\n")
        sys.stdout.flush()
    return int(alive > 0)


if __name__ == "__main__":
    sys.exit(main())
