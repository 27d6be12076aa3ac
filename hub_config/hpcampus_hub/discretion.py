"""What the parts of the hub would write into its log although it is somebody's secret."""

import logging
import re

_SECRETS = (
    # The token against forged requests holds the session's name: when it is made,
    re.compile(r"(?<=Setting new xsrf cookie for b')[^']+"),
    # and among the headers of a request that failed.
    re.compile(r'(?<="X-Xsrftoken": ")[^"]+', re.IGNORECASE),
)


class Discretion(logging.Filter):
    """Takes secrets out of records; belongs onto the handlers, which see those of all parts."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every record stays."""
        said = clean = record.getMessage()
        for secret in _SECRETS:
            clean = secret.sub("[secret]", clean)
        if clean != said:
            record.msg, record.args = clean, ()
        return True


def apply_to(log: logging.Logger) -> None:
    """Keep secrets out of what that logger's handlers write."""
    for handler in log.handlers:
        handler.addFilter(Discretion())
    # At its most talkative it writes the codes of log-ins.
    logging.getLogger("oauthlib").setLevel(logging.INFO)
