"""``generate --apply``: shows what would change and what it would break, asks, and applies."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..apply.applied import Document, Step, beside, policies_in, specs, steps
from ..apply.half_applied import half_remedy, half_words
from ..apply.server import AGAIN, ApplyError, Manner, apply_all, refuse_theirs, try_all
from ..apply.verdict import Verdict, judge
from ..cache.clusters import identity_of
from ..capture.preflight import check_rights
from ..cluster.api import Api
from ..cluster.rights import to_apply
from ..errors import InputError, NetpolError
from ..model import NetworkNeighbors
from ..policy.generate import Policy
from ..render.text import counted
from . import streams
from .apply_interruption import ends_as_interrupts
from .apply_options import Application
from .apply_words import cause, tell
from .changes import foreign_notes, in_words, takeover_notes
from .connection import need_kubeconfig
from .denied import broken_words, unheard_there_words
from .options import Scope
from .other_guards import refuse_guarded
from .other_policies import tell_other_policies


def apply_policies(
    application: Application, scope: Scope, accounts: Sequence[NetworkNeighbors], policies: Sequence[Policy]
) -> int:
    """Applies the policies in their order; the exit code. Raises NetpolError."""
    if not policies:
        raise NetpolError("there is nothing to apply", "the notes say why; see: kubectl netpol neighbors")
    need_kubeconfig(application.connection)
    api = application.connection.open()
    _check_rights(api, policies)
    present = policies_in(api, (one.workload.namespace for one in policies))
    found = steps(policies, accounts, present)
    manner = Manner(application.manager, application.force)
    refuse_guarded(api, application.connection, found)
    refuse_theirs(found, manner)
    _show(found)
    everything = _everything(application, scope, accounts)
    tell_other_policies(api)
    _judge(application, judge(everything, present, found))
    if application.dry_run != "client":
        try_all(api, found, manner)
    if application.dry_run != "none":
        for one in found:
            tell(one, application.dry_run)
        return 0
    if application.rollback_after and _means_the_same(found):
        streams.say("so there is nothing to watch or to put back: they are applied without --rollback-after")
        application = replace(application, rollback_after=0.0)
    if application.rollback_after:
        from .apply_guarded import Guarded, check_guard  # noqa: PLC0415

        check_guard(application, api, found)
    _ask(application, found)
    found = _still(api, present, found, manner)
    if application.rollback_after:
        return Guarded(application, api, scope, everything, found, manner).run()
    with ends_as_interrupts():
        _apply(application, api, found, manner)
    return 0


# The question may have stood for long. What was shown and judged has to hold.
def _still(api: Api, before: Mapping[str, Sequence[Document]], found: Sequence[Step], manner: Manner) -> list[Step]:
    present = policies_in(api, before)
    if specs(present) != specs(before):
        raise ApplyError("the cluster's policies changed meanwhile, and nothing was applied", AGAIN)
    still = beside(found, present)
    refuse_theirs(still, manner)
    return still


def _apply(application: Application, api: Api, found: Sequence[Step], manner: Manner) -> None:
    refuse_guarded(api, application.connection, found)
    count, locked, flags = 0, replace(manner, is_locked=True), application.connection.flags
    try:
        for count, one in enumerate(apply_all(api, found, locked, flags), 1):  # noqa: B007  # it is told below
            tell(one)
    except (KeyboardInterrupt, OSError) as error:
        is_unsure = isinstance(error, KeyboardInterrupt)
        streams.say(f"{cause(error)}: {half_words(found, count, is_unsure)}")
        streams.say(half_remedy(found, count, flags, is_unsure))
        raise


# Files are about some workloads, and say nothing of the cluster's others: the cache may.
def _everything(application: Application, scope: Scope, accounts: Sequence[NetworkNeighbors]) -> list[NetworkNeighbors]:
    from .recordings import read_everything  # noqa: PLC0415  # no cache for those who only print

    if not scope.has_files:
        return read_everything(scope)
    cluster = identity_of(scope.directory, application.connection.current().cluster)
    found = read_everything(replace(scope, cluster=cluster))
    known = {one.workload for one in found}
    return [*found, *(one for one in accounts if one.workload not in known)]


def _check_rights(api: Api, policies: Sequence[Policy]) -> None:
    for namespace in sorted({one.workload.namespace for one in policies}):
        command = f"kubectl netpol doctor --print-rbac --for apply -n {shlex.quote(namespace)}"
        check_rights(api, to_apply(namespace), command)


def _judge(application: Application, verdict: Verdict) -> None:
    for one in verdict.broken:
        streams.say(f"breaks: {broken_words(one)}")
    for text in unheard_there_words(verdict.broken):
        streams.note(text)
    if verdict.before:
        streams.note(f"{counted(verdict.before, 'recorded flow')} denied by the policies that are there already")
    if verdict.unjudged:
        flows = counted(verdict.unjudged, "recorded flow")
        streams.note(f"of {flows} cannot be told what becomes of it; see: kubectl netpol check --applied --generated")
    if not verdict.broken:
        streams.say(f"replayed {counted(verdict.judged, 'recorded flow')}: this breaks none")
        return
    flows = counted(verdict.lost, "recorded flow")
    if not application.allow_broken:
        raise NetpolError(
            f"{flows} would break, and nothing was applied",
            "record again, see what the notes leave out, or break them with --allow-broken",
        )
    streams.note(f"{flows} will break, as --allow-broken admits")


def _show(found: Sequence[Step]) -> None:
    lines = list(in_words(found))
    for line in lines or ["nothing changes: the policies that are there mean the same"]:
        streams.say(line)
    for text in (*foreign_notes(found), *takeover_notes(found)):
        streams.note(text)


# What is taken over from others may have to go back to them.
def _means_the_same(found: Sequence[Step]) -> bool:
    return all(one.change.is_none and not one.is_theirs for one in found)


def _ask(application: Application, found: Sequence[Step]) -> None:
    if application.yes:
        return
    if not streams.is_terminal():
        raise InputError("applying has to be confirmed, and nobody can be asked here", "add --yes to apply it as shown")
    namespaces = ", ".join(sorted({one.namespace for one in found}))
    if not streams.ask(f"Apply {counted(len(found), 'policy')} in namespace {namespaces}?"):
        raise NetpolError("nothing was applied", "")
