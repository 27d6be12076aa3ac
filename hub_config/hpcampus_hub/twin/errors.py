"""Why there is no twin, in sentences for the person at the terminal."""


class TwinUnavailable(RuntimeError):
    """There is no twin; the message says why and what to do, or ends with the log of what failed."""
