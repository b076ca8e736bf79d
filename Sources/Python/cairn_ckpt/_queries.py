"""Questions to a repository: nothing here changes it."""

from __future__ import annotations

import json
import operator
import os
from collections.abc import Iterable, Mapping
from typing import Any

from . import _json, _native
from ._errors import CairnError, InvalidArgument
from ._records import Records


class Queries:
    """What can be asked of a repository."""

    def _here(self) -> int:
        """The handle of this process."""
        raise NotImplementedError

    def resolve(self, name: str) -> dict[str, Any]:
        """What is known of the checkpoint that a name names."""
        record = _native.call_json("cairn_resolve", self._here(), _native.encode(name))
        return dict(record)

    def checkpoint(self, identifier: str) -> dict[str, Any] | None:
        """What is known of the checkpoint with an id; None if there is none."""
        record = _native.call_json("cairn_find_id", self._here(), _native.encode(identifier))
        return None if record is None else dict(record)

    def log(
        self,
        *paths: str,
        run: str | None = None,
        tag: str | None = None,
        where: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        shared: bool = False,
    ) -> Records:
        """Checkpoints, newest first.

        Args:
            *paths: Only those of these paths, or these ``path@n``.
            run: Only those of this run.
            tag: Only that with this tag.
            where: Only those of which an expression is true, as ``cairn log --where`` takes it:
                ``"step > 1000 and val_loss < 0.3 and hyper_parameters.lr >= 1e-4"``.
            sort: By a column, a metric or metadata: ``"val_loss"``, ``"-step"``.
            limit: At most so many.
            shared: Whether each has ``shared_bytes``: how many its parent has, too.
        """
        query = {
            "paths": list(paths) or None, "run": run, "tag": tag, "where": where, "sort": sort,
            "limit": limit, "shared": shared,
        }
        with _Located(where):
            return Records(
                _native.call_json("cairn_log", self._here(), _json.encoded(query, "a query"))
            )

    def runs(self, limit: int | None = None) -> Records:
        """Training runs, newest first: ``name``, ``checkpoints``, ``metrics`` (of each ``last``,
        ``min``, ``max``), ``first_step``, ``last_step``, ``size``, ``new_bytes``, ``metadata`` …"""
        query = _json.encoded({"limit": limit}, "a query")
        return Records(_native.call_json("cairn_runs", self._here(), query))

    def tags(self) -> Records:
        """All tags: ``tag`` and what is known of its checkpoint (``name``, ``step`` …)."""
        return Records(_native.call_json("cairn_tags", self._here()))

    def removed(self, *paths: str, limit: int | None = None) -> Records:
        """What was removed, the last first: ``id``, ``name``, ``time``, ``user``, ``host``."""
        query = _json.encoded({"paths": list(paths), "limit": limit}, "a query")
        return Records(_native.call_json("cairn_removals", self._here(), query))

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
        with _Located(sql):
            found = _native.call_stoppable(
                "cairn_query", self._here(), _text(sql), _json.encoded(options, "options")
            )
        names = _distinct(found["columns"])
        return Records(
            (dict(zip(names, map(_value, row))) for row in found["rows"]), names
        )

    def views(self) -> list[dict[str, Any]]:
        """The views for :meth:`query`: ``name``, ``description`` and ``columns`` of each."""
        return list(_native.call_json("cairn_views"))

    def diff(
        self,
        a: str | os.PathLike[str],
        b: str | os.PathLike[str],
        *,
        values: bool = False,
        only: str | None = None,
    ) -> dict[str, Any]:
        """In what two checkpoints differ. Ctrl-C stops it.

        Args:
            a: A name in the repository, or a file: a pointer, or one that is not saved
                (PyTorch's or safetensors). A string is a name first, a ``Path`` always a file.
            b: Likewise.
            values: Whether to read the tensors that differ, and say how far they have moved.
            only: Only tensors with names like this (``"backbone.*"``), and no metadata.

        Returns:
            ``a``, ``b``, ``different``, ``unchanged``, ``relaid``, ``metadata`` (each ``name``,
            ``a``, ``b``) and ``tensors``: each ``change`` (``added``, ``removed``, ``retyped``,
            ``reshaped``, ``changed``, ``moved``), ``certain`` (whether the bytes are known to
            differ), ``name``, ``a`` and ``b`` (``name``, ``dtype``, ``shape``, ``bytes``) and
            ``values`` (``max_abs``, ``rel_l2``, ``share`` …). The lists have ``.to_pandas()``.
        """
        options = _json.encoded({"values": values, "only": only}, "options")
        found = dict(
            _native.call_stoppable("cairn_diff", self._here(), _place(a), _place(b), options)
        )
        for tensor in found["tensors"]:
            if tensor["values"] is not None:
                for name in ("max_abs", "rel_l2"):
                    tensor["values"][name] = _json.number(tensor["values"][name])
        found["tensors"] = Records(
            found["tensors"], ["change", "certain", "name", "a", "b", "values"]
        )
        found["metadata"] = Records(found["metadata"], ["name", "a", "b"])
        return found

    def summary(
        self, checkpoint: str | os.PathLike[str], tensor: str, *, bins: int = 16
    ) -> dict[str, Any]:
        """What a tensor's values are like. Ctrl-C stops it.

        Args:
            checkpoint: A name in the repository, or a file, as of :meth:`diff`.
            tensor: The tensor's name, or a pattern that matches only one.
            bins: How many parts the histogram has, at most.

        Returns:
            ``name``, ``dtype``, ``shape``, ``bytes``, ``count``, ``nan``, ``inf``, ``zeros``, and
            of the finite elements ``min``, ``max``, ``mean``, ``std``, ``histogram`` (``from``,
            ``to``, ``count`` of each part).
        """
        found = dict(
            _native.call_stoppable(
                "cairn_tensor_summary", self._here(), _place(checkpoint), _text(tensor),
                _json.encoded({"bins": bins}, "options"),
            )
        )
        if found["histogram"] is not None:
            found["histogram"] = Records(found["histogram"], ["from", "to", "count"])
        return found

    def stats(self, by: str | None = None, *, depth: int | None = None) -> dict[str, Any]:
        """How much there is in it.

        Args:
            by: ``"run"``, ``"path"`` or ``"version"``: what each holds, and what removing it
                alone would free; ``"tensor-prefix"``: what tensors take, by how their names begin.
            depth: How many parts of a tensor's name count, with ``"tensor-prefix"``.

        Returns:
            Without ``by``: ``checkpoints``, ``logical_bytes``, ``stored_bytes``, ``dedup_ratio`` …
            With it ``runs``, ``paths``, ``versions`` or ``prefixes``, and but for the last
            ``total``.
        """
        if by is None and depth is None:
            return dict(_native.call_json("cairn_stats", self._here()))
        return self._holdings({"by": by or "tensor-prefix", "depth": depth})

    def du(self, *names: str, versions: bool = False) -> dict[str, Any]:
        """What each path holds, and what removing it would free; most first.

        Args:
            *names: Only these paths, ``path@n`` or tags.
            versions: Whether to list versions instead of paths.

        Returns:
            ``paths`` or ``versions``, and ``total``: ``name``, ``checkpoints``, ``logical_bytes``,
            ``needed_bytes``, ``own_bytes``, ``shared_bytes``, ``freed_bytes``, ``freed_files``,
            ``packed_bytes``; ``blocked``: whether nothing can be freed for now, since the manifest
            of some checkpoint cannot be read.
        """
        return self._holdings({"by": "version" if versions else "path", "names": list(names)})

    def growth(self, stretches: int = 60) -> dict[str, Any]:
        """How it came to what it holds now: ``seconds`` (of a stretch) and ``points`` (``time`` at
        which one begins, and until its end ``checkpoints``, ``logical_bytes``,
        ``stored_bytes``)."""
        if not 0 < stretches < 2**32:
            raise InvalidArgument("invalid", f"{stretches} stretches of time", "at least 1")
        found = dict(_native.call_json("cairn_growth", self._here(), stretches))
        found["points"] = Records(found["points"])
        return found

    def _holdings(self, options: Mapping[str, Any]) -> dict[str, Any]:
        found = dict(
            _native.call_json("cairn_holdings", self._here(), _json.encoded(options, "options"))
        )
        return {
            name: Records(value) if isinstance(value, list) else value
            for name, value in found.items()
        }


class _Located:
    """Says at which character of a text an error is, not at which byte."""

    def __init__(self, text: str | None) -> None:
        self._text = text or ""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CairnError) and error.offset is not None:
            before = self._text.encode("utf-8", "replace")[: error.offset]
            error.offset = len(before.decode("utf-8", "ignore"))


def _text(text: str) -> bytes:
    """Text for the library, which is no path: what is not Unicode in it is refused."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgument("invalid", f"{text!r}: is no Unicode text") from error
    if b"\0" in encoded:
        raise InvalidArgument("invalid", f"{text!r}: holds a zero byte")
    return encoded


def _place(side: str | os.PathLike[str]) -> bytes:
    """A checkpoint for the library: it takes what begins with ``./`` or ``../`` for a file."""
    if isinstance(side, str):
        return _native.encode(side)
    path = os.path.relpath(os.fspath(side))
    return _native.encode(path if path.startswith("../") else f"./{path}")


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
