"""Tables in kubectl's manner: upper-case headers, no lines, columns three spaces apart."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import DataRow, TableFormat, tabulate

from .text import escape

_KUBECTL = TableFormat(
    lineabove=None,
    linebelowheader=None,
    linebetweenrows=None,
    linebelow=None,
    headerrow=DataRow("", "   ", ""),
    datarow=DataRow("", "   ", ""),
    padding=0,
    with_header_hide=None,
)


def to_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows under their headers, with a final line feed; cells are escaped, an empty one is ``<none>``."""
    cells = [list(headers), *([escape(cell) or "<none>" for cell in row] for row in rows)]
    text = tabulate(cells, tablefmt=_KUBECTL, disable_numparse=True, stralign="left")
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())
