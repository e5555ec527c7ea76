"""What must not be printed, taken out of a text: tokens, keys, passwords, and values of queries that are not known.

The requests and tracebacks of ``--debug``, and what a library says of itself, are printed through here: nothing of ours
puts a secret there, a library may. Errors of ours may name a URL that was typed, and hold words such as ``basic`` or
``token:`` that are no secret's: of them only what URLs hold is taken out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote_plus

HIDDEN = "<hidden>"

_PLAIN_QUERIES = frozenset(
    {
        "allowWatchBookmarks",
        "container",
        "dryRun",
        "fieldManager",
        "fieldSelector",
        "fieldValidation",
        "follow",
        "force",
        "labelSelector",
        "limit",
        "limitBytes",
        "previous",
        "propagationPolicy",
        "resourceVersion",
        "resourceVersionMatch",
        "sendInitialEvents",
        "sinceSeconds",
        "sinceTime",
        "tailLines",
        "timeout",
        "timeoutSeconds",
        "timestamps",
        "watch",
    }
)
"""The API's own parameters that say what is asked for; ``continue`` holds a token, and others may."""

_WORDS = (
    r"authorization|proxy-authorization|(?:[\w-]{0,60}[_-])?token|password|passwd|"
    r"client[_-]secret|api[_-]?key|secret[_-]?key|client-key-data|client-certificate-data|tokendata"
)
_USER = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/@?#]*@")
_QUERY = re.compile(r"([?&])([^\s=&?#'\"(){}@]+)=([^\s&#'\"]*)")
"""The letters that a name may not have are those of a jsonpath's filter, ``[?(@.a=="b")]``, which is no query."""

_PARAMETER = re.compile(r"[?&;#]([^=&?;#]+)=[^&;#]")
_SECRET_PARAMETER = re.compile(rf"(?i).*(?:{_WORDS}|secret|signature)|(?:.*[^a-z])?(?:key|sig)")
_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*-----.*?(-----END [A-Z ]*-----|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"\b(Bearer|Basic|Negotiate)(\s+)[\w.~+/=-]+", re.IGNORECASE), rf"\1\2{HIDDEN}"),
    (
        re.compile(rf"(?i)([\"']?\b(?:{_WORDS})\b[\"']?\s*[:=]\s*)(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s,;}})\]]+)"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]+(\.[\w-]*)?"), HIDDEN),
)


def redact(text: str) -> str:
    """The text without what looks like a secret, also where it is none: for texts that are not ours."""
    text = redact_urls(text)
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text


def redact_urls(text: str) -> str:
    """The text without the users, passwords and unknown parameters of URLs; other text stays as it is."""
    return _USER.sub(rf"\1{HIDDEN}@", _QUERY.sub(_query, text))


def secret_parameter(url: str) -> str:
    """The name of the first parameter of a URL that holds a secret, by its name, such as ``token``; empty for none."""
    names = map(unquote_plus, _PARAMETER.findall(url))
    return next((name for name in names if _SECRET_PARAMETER.fullmatch(name)), "")


def _query(found: re.Match[str]) -> str:
    mark, name, value = found.groups()
    is_plain = unquote_plus(name) in _PLAIN_QUERIES or not value
    return f"{mark}{name}={value if is_plain else HIDDEN}"
