"""What queries give: a list of plain dictionaries, which pandas takes, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from typing import SupportsIndex

    import pandas  # type: ignore[import-untyped,unused-ignore]


class Records(list[dict[str, Any]]):
    """A list of dictionaries, one for each record, that can be had as a pandas DataFrame.

    Args:
        records: The records.
        columns: The names that each has, where they are known although there may be no record.
    """

    def __init__(
        self, records: Iterable[dict[str, Any]] = (), columns: Sequence[str] | None = None
    ) -> None:
        super().__init__(records)
        self._columns = None if columns is None else list(columns)

    @property
    def columns(self) -> list[str]:
        """The names that the records have, in order."""
        if self._columns is not None:
            return list(self._columns)
        return list(dict.fromkeys(name for record in self for name in record))

    @overload
    def __getitem__(self, index: SupportsIndex) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> Records: ...

    def __getitem__(self, index: SupportsIndex | slice) -> dict[str, Any] | Records:
        if isinstance(index, slice):
            return Records(super().__getitem__(index), self._columns)
        return super().__getitem__(index)

    def to_pandas(self) -> pandas.DataFrame:
        """The records as a DataFrame, a row each.

        What is in dictionaries becomes columns of its own: ``metrics.val_loss``. Whole numbers
        stay whole where some are missing (``Int64``).

        Raises:
            ImportError: If pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError("to_pandas() needs pandas: pip install pandas") from error
        rows = [_flat(record) for record in self]
        names = list(dict.fromkeys(name for row in rows for name in row))
        if self._columns is not None:
            names = _ordered(names, self._columns) if rows else self._columns
        columns = {name: [row.get(name) for row in rows] for name in names}
        for name in _emptied(columns):
            del columns[name]
        return pandas.DataFrame(
            {name: _series(values) for name, values in columns.items()},
            index=pandas.RangeIndex(len(rows)),
        )


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    rest = [("", record)]
    # In the order of the record, without a recursion that deep metadata could exhaust.
    while rest:
        prefix, members = rest.pop()
        nested = []
        for name, value in members.items():
            if isinstance(value, dict):
                nested.append((f"{prefix}{name}.", value))
            else:
                flat[f"{prefix}{name}"] = value
        rest.extend(reversed(nested))
    return flat


def _ordered(names: list[str], columns: list[str]) -> list[str]:
    """Names in the order of columns, each with what is in it behind it."""
    places = {name: place for place, name in enumerate(columns)}

    def place(name: str) -> int:
        prefix = name
        while prefix not in places and "." in prefix:
            prefix = prefix.rpartition(".")[0]
        return places.get(prefix, len(places))

    return sorted(names, key=place)


def _emptied(columns: dict[str, list[Any]]) -> list[str]:
    """Columns of nothing, in whose place others hold what is in dictionaries."""
    prefixes = {
        name[:at] for name in columns for at, character in enumerate(name) if character == "."
    }
    return [
        name
        for name, values in columns.items()
        if name in prefixes and all(value is None for value in values)
    ]


def _series(values: list[Any]) -> Any:
    import pandas  # type: ignore[import-untyped,unused-ignore]

    present = [value for value in values if value is not None]
    if present and len(present) < len(values) and all(type(value) is int for value in present):
        return pandas.array(values, dtype="Int64")
    return values
