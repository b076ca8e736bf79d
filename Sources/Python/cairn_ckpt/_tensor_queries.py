"""Questions about tensors: what has become of them, where they are, what their values are like."""

from __future__ import annotations

import os
from typing import Any

from . import _json, _native, _text
from ._records import Records


class TensorQueries:
    """Questions about tensors."""

    def _here(self) -> int:
        """The handle of this process."""
        raise NotImplementedError

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
                tensor["values"] = _json.floats(tensor["values"], ["max_abs", "rel_l2", "share"])
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
        found = _native.call_stoppable(
            "cairn_tensor_summary", self._here(), _place(checkpoint), _text.encoded(tensor),
            _json.encoded({"bins": bins}, "options"),
        )
        if found["histogram"] is not None:
            parts = (_json.floats(part, ["from", "to"]) for part in found["histogram"])
            found["histogram"] = Records(parts, ["from", "to", "count"])
        return _json.floats(found, ["min", "max", "mean", "std"])

    def find(
        self, what: str | os.PathLike[str], *, kind: str | None = None, limit: int = 100
    ) -> dict[str, Any]:
        """Where something occurs, over all runs. Ctrl-C stops it.

        >>> repository.find(Path("downloaded.ckpt"))["file"]["exact"][0]["name"]
        'last.ckpt@3'
        >>> repository.find("*.lm_head.weight")["tensors"].to_pandas()

        Args:
            what: A pattern for names of tensors; a digest, or its first six digits or more; or a
                file, which is read and hashed as a save would. A ``Path`` is always a file.
            kind: ``"name"``, ``"digest"`` or ``"file"``. By default a file that is there, else a
                digest that is there, else a name.
            limit: How much is listed.

        Returns:
            One of: ``tensors`` (each ``name``, ``dtype``, ``shape``, ``bytes``, ``digest``,
            ``checkpoints`` (how many), ``first``, ``last``), and ``cut_short``; ``digest``: None,
            or ``digest``, ``kind``, ``size``, ``pack``, ``checkpoint_count``, ``checkpoints``,
            ``tensors``, ``cut_short``; ``file``: ``path``, ``exact`` (the checkpoints that it is),
            ``shares`` (each ``checkpoint``, ``storages``, ``tensors``, ``bytes``),
            ``checkpoint_count``, ``storage_count``, ``storage_bytes``, ``tensors``.
        """
        if not isinstance(what, str):
            kind = kind or "file"
        found = _native.call_stoppable(
            "cairn_find", self._here(), _native.encode(os.fspath(what)),
            _json.encoded({"kind": kind, "limit": limit}, "options"),
        )
        return {
            name: _lists(value) if isinstance(value, dict) else value
            for name, value in _lists(found).items()
        }

    def blame(self, name: str, tensor: str) -> Records:
        """The versions of a path at which a tensor changed, newest first.

        Args:
            name: The path, or ``path@n`` to go back from version n.
            tensor: The tensor's whole name.

        Returns:
            Of each version ``checkpoint`` (``name``, ``run``, ``step`` …), ``change`` (``added``,
            ``changed``, ``removed``), ``other_bytes`` (False if only its type or shape changed),
            ``dtype``, ``shape``, ``previous_dtype``, ``previous_shape``, ``digest`` and
            ``versions`` (for how many it then stayed so).
        """
        found = _native.call_json(
            "cairn_blame", self._here(), _native.encode(name), _text.encoded(tensor)
        )
        return Records(
            found["changes"],
            [
                "checkpoint", "change", "other_bytes", "dtype", "shape", "previous_dtype",
                "previous_shape", "digest", "versions",
            ],
        )

    def _listed(self, name: str, only: str | None) -> Records:
        """The tensors of a checkpoint as the index has them, and where else their bytes are."""
        options = _json.encoded({"only": only}, "options")
        found = _native.call_json(
            "cairn_list_tensors", self._here(), _native.encode(name), options
        )
        return Records(
            found["tensors"],
            [
                "name", "dtype", "shape", "strides", "byte_offset", "bytes", "other_checkpoints",
                "first_seen",
            ],
        )


def _lists(found: dict[str, Any]) -> dict[str, Any]:
    return {
        name: Records(value) if isinstance(value, list) else value
        for name, value in found.items()
    }


def _place(side: str | os.PathLike[str]) -> bytes:
    """A checkpoint for the library: it takes what begins with ``./`` or ``../`` for a file."""
    if isinstance(side, str):
        return _native.encode(side)
    path = os.path.relpath(os.fspath(side))
    return _native.encode(path if path.startswith("../") else f"./{path}")
