"""Kernel tests: each one marked ``kernel`` runs whole inside a private machine of its own, so they may run in parallel.

    @pytest.mark.kernel            # or @pytest.mark.kernel(timeout=120), in seconds
    def test_something(machine):   # machine: kubectl_netpol.demo.machine.Machine, empty but for its node
        ...

The body runs in a forked process: what it changes in memory is gone afterwards. Failures and skips come back as text.
``kernel(inside=False)`` is for tests that make their private machines themselves.
Where no private machine can be made the tests are skipped with the reason (with CI=true skips are failures).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable

import pytest
from packets import PEER, PEER6, POD, POD6, Wire

from kubectl_netpol.demo.isolation import Ending, obstacle, run_isolated

DEFAULT_TIMEOUT = 60.0
_reason = functools.cache(obstacle)
WAYS = {"tcx": lambda *size: Wire(True, *size), "socket": lambda *size: Wire(False, *size)}
FAMILIES = {"IPv4": (POD, PEER), "IPv6": (POD6, PEER6)}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Callable[..., Wire]:
    """Makes the observer, inside the private machine."""
    return WAYS[request.param]


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> tuple[str, str]:
    """(the pod's address, its peer's)"""
    return FAMILIES[request.param]


@pytest.fixture
def machine() -> None:
    """Replaced by a real Machine inside the private machine (see pytest_pyfunc_call)."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("kernel") is None or not _reason():
        return
    pytest.skip(_reason())


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    marker = pyfuncitem.get_closest_marker("kernel")
    if marker is None or not marker.kwargs.get("inside", True):
        return None
    outcome = run_isolated(functools.partial(_run, pyfuncitem), marker.kwargs.get("timeout", DEFAULT_TIMEOUT))
    if outcome.ending is not Ending.RETURNED:
        pytest.fail(f"[{outcome.ending}] {outcome.text}", pytrace=False)
    verdict, text = json.loads(outcome.text)
    if verdict == "skipped":
        pytest.skip(text)
    if verdict == "failed":
        pytest.fail(text, pytrace=False)
    return True


def _run(item: pytest.Function) -> str:
    from kubectl_netpol.demo.machine import Machine

    arguments = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}
    if "machine" in arguments:
        arguments["machine"] = Machine()
    try:
        item.obj(**arguments)
    except pytest.skip.Exception as skipped:
        return json.dumps(["skipped", skipped.msg])
    except BaseException:  # noqa: BLE001 - the account of whatever it is goes back to the caller
        return json.dumps(["failed", str(item.repr_failure(pytest.ExceptionInfo.from_current()))])
    return json.dumps(["passed", ""])
