"""How long each site's twin took to come up: tests write it down, the end of the run shows it."""

import pytest

UP = pytest.StashKey[dict[str, float]]()
