"""The note on a cluster's policies of other kinds, which no command here looks at."""

from __future__ import annotations

from ..cluster.api import Api
from ..cluster.other_policies import other_policies
from ..cluster.trouble import ClusterError
from . import streams

_NOT_SEEN = "policies of other kinds are not looked at, and may deny or admit more than NetworkPolicies do"


def tell_other_policies(api: Api) -> None:
    """One note where the cluster has such policies, or may have some. That it does not tell is no error."""
    try:
        found = other_policies(api)
    except ClusterError as error:
        streams.note(f"{_NOT_SEEN}; whether the cluster has some is not known: {error.message}")
        return
    held = [one.name for one in found if not one.is_hidden]
    hidden = [one.name for one in found if one.is_hidden]
    told = [f"the cluster has {', '.join(held)}"] if held else []
    told += [f"it may have {', '.join(hidden)}, which you may not list"] if hidden else []
    if told:
        streams.note(f"{_NOT_SEEN}: {'; '.join(told)}")
