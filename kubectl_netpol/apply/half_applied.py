"""Which policies are there when an apply breaks off, and how to go on or back, in words."""

from __future__ import annotations

from collections.abc import Sequence

from .applied import Step


def place(step: Step) -> str:
    """``networkpolicy.networking.k8s.io/web in namespace shop``."""
    return f"{label(step)} in namespace {step.namespace}"


def label(step: Step) -> str:
    """``networkpolicy.networking.k8s.io/web``."""
    return f"networkpolicy.networking.k8s.io/{step.name}"


def half_words(steps: Sequence[Step], count: int, is_unsure: bool = True) -> str:
    """Which of the policies are there, where the first ``count`` of them were applied when that broke off.

    ``is_unsure``: the next one may be there, as after Ctrl-C, or where no answer came.
    """
    words = f"{count} of {len(steps)} policies were applied"
    if count:
        words += f" ({', '.join(map(place, steps[:count]))})"
    lost = [place(one) for one in steps[count:]]
    if lost and is_unsure:
        words += f", {lost.pop(0)} may be there"
    return f"{words}, and these were not: {', '.join(lost)}" if lost else words


def half_remedy(steps: Sequence[Step], count: int, flags: str, is_unsure: bool = True) -> str:
    """How to go on after that, or back; ``flags`` are those of the connection, as a shell takes them."""
    undo = _removal(steps[: count + is_unsure], flags, "--ignore-not-found" if is_unsure else "")
    if count == len(steps):
        return f"nothing is left to apply{undo}"
    return f"type the same command again for the rest: what is applied already stays as it is{undo}"


# A command for each namespace: another namespace's policy of the same name may be an old one.
def _removal(steps: Sequence[Step], flags: str, option: str) -> str:
    names: dict[str, list[str]] = {}
    for one in steps:
        if one.present is None:
            names.setdefault(one.namespace, []).append(f"networkpolicy/{one.name}")
    commands = [
        " ".join(filter(None, ("kubectl delete", *words, option, f"-n {namespace}", flags)))
        for namespace, words in names.items()
    ]
    return f"; to take back what is new: {'; '.join(commands)}" if commands else ""
