"""DNS names as Cilium's rules take them: ``matchName``, without the final dot, 255 characters at most."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NAME = re.compile(r"[-a-zA-Z0-9_]+(\.[-a-zA-Z0-9_]+)*")
_LONGEST = 255


def fqdns(names: Iterable[str]) -> tuple[str, ...]:
    """Those that a rule can hold, in lower case, sorted, each once."""
    found = {name.removesuffix(".").lower() for name in names}
    return tuple(sorted(one for one in found if len(one) < _LONGEST and _NAME.fullmatch(one)))


def unfit(names: Iterable[str]) -> tuple[str, ...]:
    """Those that no rule can hold."""
    return tuple(sorted(name for name in set(names) if not fqdns([name])))
