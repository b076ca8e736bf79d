"""SQL over the index."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

from . import _json, _native, _text
from ._errors import InvalidArgument
from ._records import Records


class SQLQueries:
    """Questions in SQL."""

    def _here(self) -> int:
        """The handle of this process."""
        raise NotImplementedError

    def query(
        self,
        sql: str,
        *arguments: Any,
        timeout: float | None = 60.0,
        max_bytes: int | None = None,
    ) -> Records:
        """Answers one ``SELECT`` over the index, in SQLite's dialect.

        The views are those of :meth:`views`: ``checkpoints``, ``tensors``, ``runs``, ``metrics``,
        ``blobs``. The SQL can only read, and may come from anybody. Ctrl-C stops it.

        >>> repository.query("SELECT checkpoint, value FROM metrics WHERE name = ?", "loss")
        [{'checkpoint': 'last.ckpt@3', 'value': 0.25}]

        Args:
            sql: One ``SELECT``.
            *arguments: Values for its ``?``: None, numbers, text, bytes.
            timeout: Seconds of work after which it is stopped; None: never.
            max_bytes: How much the rows may be, as JSON; 256 MiB by default.

        Returns:
            A dictionary for each row, by the columns' names (a second ``a`` is ``a_2``);
            ``.to_pandas()`` makes a DataFrame.

        Raises:
            InvalidArgument: For SQL that is wrong, or does more than read.
            Stopped: If it reached a limit.
        """
        options = {
            "arguments": [_argument(value) for value in arguments],
            "seconds": 0 if timeout is None else float(timeout),
            "result_bytes": max_bytes,
        }
        if timeout == 0:
            raise InvalidArgument("invalid", "a timeout of nothing", "None: no limit")
        with _text.Located(sql):
            found = _native.call_stoppable(
                "cairn_query", self._here(), _text.encoded(sql), _json.encoded(options, "options")
            )
        names = _distinct(found["columns"])
        return Records(
            (dict(zip(names, map(_value, row))) for row in found["rows"]), names
        )

    def views(self) -> list[dict[str, Any]]:
        """The views for :meth:`query`: ``name``, ``description`` and ``columns`` of each."""
        return list(_native.call_json("cairn_views"))


def _argument(value: Any) -> Any:
    """A value for SQL as the library takes it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"blob": bytes(value).hex()}
    if hasattr(value, "__index__"):
        whole = operator.index(value)
        if not -(2**63) <= whole < 2**63:
            raise InvalidArgument("invalid", f"{whole}: SQLite has integers of 64 bits")
        return whole
    if hasattr(value, "__float__"):
        number = float(value)
        special = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}
        return {"real": special.get(str(number), repr(number))}
    raise TypeError(f"an argument for SQL is None, a number, text or bytes, not {value!r}")


def _value(value: Any) -> Any:
    """A value that SQL gave."""
    if not isinstance(value, dict):
        return value
    return bytes.fromhex(value["blob"]) if "blob" in value else float(value["real"])


def _distinct(names: Iterable[str]) -> list[str]:
    """Names made different from each other, as the command line does: the second ``a`` is
    ``a_2``."""
    names = list(names)
    taken, seen = set(names), set()
    made = []
    for name in names:
        given, number = name, 2
        if name in seen:
            while (given := f"{name}_{number}") in taken:
                number += 1
            taken.add(given)
        seen.add(name)
        made.append(given)
    return made
