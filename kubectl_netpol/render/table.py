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


def to_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], with_headers: bool = True, empty: str = "<none>"
) -> str:
    """The rows under their headers, with a final line feed; cells are escaped, ``empty`` stands for an empty one."""
    cells = [[escape(cell) or empty for cell in row] for row in rows]
    if with_headers:
        cells.insert(0, list(headers))
    text = tabulate(cells, tablefmt=_KUBECTL, disable_numparse=True, stralign="left")
    return "".join(f"{line.rstrip()}\n" for line in text.split("\n")) if cells else ""


class GrowingTable:
    """A table to which rows are added later: under the columns that are there, which only become wider."""

    def __init__(self, headers: Sequence[str], with_headers: bool = True) -> None:
        self._headers: Sequence[str] | None = headers if with_headers else None
        self._widths = [0] * len(headers)

    def add(self, rows: Sequence[Sequence[str]]) -> str:
        """The next lines; the headers come before the first of them."""
        cells = [[escape(cell) or "<none>" for cell in row] for row in rows]
        if cells and self._headers is not None:
            cells.insert(0, list(self._headers))
            self._headers = None
        for row in cells:
            self._widths = [max(width, len(cell)) for width, cell in zip(self._widths, row, strict=True)]
        padded = (zip(row, self._widths, strict=True) for row in cells)
        return "".join("   ".join(cell.ljust(width) for cell, width in row).rstrip() + "\n" for row in padded)
