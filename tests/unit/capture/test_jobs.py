"""What a session's Jobs tell of themselves."""

from __future__ import annotations

import pytest

from kubectl_netpol.capture.jobs import ending, expires

BEGUN, ENDED = "2026-11-27T10:00:00Z", "2026-11-27T10:30:00Z"
SPEC = {"activeDeadlineSeconds": 4500, "ttlSecondsAfterFinished": 86_400}


def job(**status: object) -> dict[str, object]:
    return {"metadata": {"creationTimestamp": BEGUN}, "spec": SPEC, "status": {"startTime": BEGUN, **status}}


def ended(kind: str, reason: str) -> dict[str, object]:
    return {"type": kind, "status": "True", "reason": reason, "lastTransitionTime": ENDED}


@pytest.mark.parametrize(
    ("status", "seconds", "reason"),
    [
        ({}, 4500, ""),
        (
            {"conditions": [ended("Complete", "CompletionsReached")], "completionTime": ENDED},
            1800 + 86_400,
            "CompletionsReached",
        ),
        ({"conditions": [ended("Failed", "BackoffLimitExceeded")]}, 1800 + 86_400, "BackoffLimitExceeded"),
        ({"conditions": [ended("Failed", "x") | {"status": "False"}]}, 4500, ""),
    ],
    ids=["goes on", "complete", "failed", "not failed"],
)
def test_a_job_is_removed_its_ttl_after_its_end_however_it_ended(
    status: dict[str, object], seconds: int, reason: str
) -> None:
    found = job(**status)
    assert expires(found) - expires({"spec": {}, "status": {"startTime": BEGUN}}) == seconds * 1000
    assert ending(found) == reason
