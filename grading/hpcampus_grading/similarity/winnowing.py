"""Fingerprints of a sequence, by winnowing.

S. Schleimer, D. S. Wilkerson, A. Aiken: Winnowing: Local Algorithms for Document Fingerprinting, SIGMOD 2003.
"""

from collections.abc import Sequence
from hashlib import blake2b

RUN = 12
"""Tokens in a run that is hashed: what two share in fewer is no match."""
WINDOW = 6
"""Of so many runs that follow each other one is kept: what two share in RUN + WINDOW - 1 tokens is found."""


def runs(tokens: Sequence[str]) -> list[int]:
    """The hash of every run, by where it begins; the same in every process."""
    return [_hash(tokens[start : start + RUN]) for start in range(len(tokens) - RUN + 1)]


def winnowed(hashes: Sequence[int]) -> list[int]:
    """Where the runs begin that are kept: the least of each window, the last one of equals."""
    if not hashes:
        return []
    kept: list[int] = []
    for start in range(max(1, len(hashes) - WINDOW + 1)):
        window = range(start, min(start + WINDOW, len(hashes)))
        least = min(reversed(window), key=hashes.__getitem__)
        if not kept or kept[-1] != least:
            kept.append(least)
    return kept


def _hash(tokens: Sequence[str]) -> int:
    return int.from_bytes(blake2b("\0".join(tokens).encode("utf-8", "replace"), digest_size=8).digest())
