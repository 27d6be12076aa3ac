"""Secrets that other parts would log are taken out, and nothing else."""

import logging

import pytest
from hpcampus_hub.discretion import Discretion


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (
            "Setting new xsrf cookie for b'a-session:a-hash=' {'path': '/'}",
            "Setting new xsrf cookie for b'[secret]' {'path': '/'}",
        ),
        ('{"X-Xsrftoken": "2|1:0|x", "Host": "h"}', '{"X-Xsrftoken": "[secret]", "Host": "h"}'),
        ('{"X-XSRFToken": "x"}', '{"X-XSRFToken": "[secret]"}'),
        ("100 % of Ada's servers: %s", "100 % of Ada's servers: %s"),
    ],
)
def test_what_is_secret_is_taken_out(said: str, written: str) -> None:
    record = logging.LogRecord("hub", logging.INFO, "", 0, "%s", (said,), None)
    assert Discretion().filter(record)
    assert record.getMessage() == written
