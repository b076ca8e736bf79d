"""Access to a repository from Python, as plain values."""

from __future__ import annotations

import ctypes
import json
import os
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import _afterwards, _native, _places
from ._changes import Changes
from ._checkpoint import Checkpoint, _close
from ._errors import CheckpointNotFound, InvalidArgument, RepositoryNotFound
from ._json import plain_metrics
from ._queries import Queries
from ._records import Records

if TYPE_CHECKING:
    import torch

_OPTIONS = frozenset(
    {
        "run", "run_metadata", "step", "epoch", "metrics", "tags", "metadata", "keep_versions",
        "parent", "saved_as",
    }
)


class Repository(Queries, Changes):
    """A repository of checkpoints.

    Checkpoints are named by their path in the repository (the newest version), by ``path@n``
    (version ``n``) or by a tag. An object may be used from several threads, and in forked
    children, which open a handle of their own; pickled, it is opened again where it arrives.

    Args:
        path: The repository's directory, or the one that holds it as ``.cairn``. By default what
            the environment variable ``CAIRN_REPO`` says, else the nearest ``.cairn`` in the
            current directory or above.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        if path is not None:
            place: str | None = _places.repository_in(os.fspath(path))
        else:
            place = _places.named_repository() or _places.discover(os.getcwd())
        if place is None:
            raise RepositoryNotFound(
                "notARepository", f"{os.getcwd()}: no Cairn repository here or above",
                f"name one, or set {_places.REPOSITORY_VARIABLE}",
            )
        self._path = place
        self._open()

    @classmethod
    def initialize(
        cls,
        path: str | os.PathLike[str],
        *,
        journal: str | None = None,
        chunk_size: int | None = None,
    ) -> Repository:
        """Makes a repository in a directory that is empty or not there.

        Args:
            path: The directory. For it to be found from below, it is called ``.cairn``.
            journal: ``"wal"`` or ``"delete"`` (for network filesystems); by default as fits.
            chunk_size: Bytes of a blob, a multiple of 64 KiB; 8 MiB by default.
        """
        options = {"journal": journal, "chunk_size": chunk_size}
        given = {key: value for key, value in options.items() if value is not None}
        handle = _native.call_handle(
            "cairn_initialize",
            _native.encode(os.path.abspath(os.fspath(path))),
            json.dumps(given).encode() if given else None,
        )
        _native.library().cairn_close(handle)
        return cls(path)

    def _open(self) -> None:
        self._handle = _native.call_handle("cairn_open", _native.encode(self._path))
        self._process = os.getpid()
        text = _native.take_text(_native.library().cairn_repository_info(self._handle))
        self._info: dict[str, Any] = json.loads(text or "{}")
        self._finalizer = weakref.finalize(
            self, _close, "cairn_close", self._handle, self._process
        )
        self._finalizer.atexit = False

    def _in_this_process(self) -> int:
        """The handle of this process."""
        if self._process != os.getpid():
            self._open()
        return self._handle

    def _here(self) -> int:
        """The handle of this process, once what saves have left to do is done."""
        handle = self._in_this_process()
        _afterwards.wait(self.identifier)
        return handle

    def close(self) -> None:
        """Closes it; what was loaded from it stays valid."""
        _afterwards.wait(self.identifier, patience=None)
        self._finalizer()

    def __enter__(self) -> Repository:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"_path": self._path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._path = state["_path"]
        self._open()

    def __repr__(self) -> str:
        return f"Repository({self._path!r})"

    @property
    def path(self) -> str:
        """The absolute path of its directory."""
        return str(self._info.get("path", self._path))

    @property
    def identifier(self) -> str:
        """Its id."""
        return str(self._info["id"])

    @property
    def info(self) -> dict[str, Any]:
        """``id``, ``path``, ``base``, ``journal``, ``chunk_size``, ``writable``."""
        return dict(self._info)

    def name_for_file(self, path: str | os.PathLike[str]) -> str:
        """The name under which a file-system path is kept: relative to the directory that holds
        the repository if it lies below it, else absolute."""
        out = ctypes.c_void_p()
        encoded = _native.encode(os.path.abspath(os.fspath(path)))
        handle = self._in_this_process()
        _native.call("cairn_name_for_file", handle, encoded, ctypes.byref(out))
        return _native.take_text(out) or ""

    # Saving

    def save(self, state: Any, name: str, **options: Any) -> dict[str, Any]:
        """Saves a state as a new version of a name. When it returns, it survives power loss.

        Storages on the CPU are read in place, those of other devices in bounded pieces.

        Args:
            state: Whatever ``torch.save`` takes.
            name: The name in the repository.
            **options: ``run``, ``run_metadata``, ``step``, ``epoch``, ``metrics``, ``tags``,
                ``metadata``, ``keep_versions`` (how many versions of the name stay; all by
                default), ``parent`` (the id of the checkpoint it follows).

        Returns:
            ``id``, ``path``, ``version``, ``manifest``, ``size``, ``new_bytes``, ``warnings``,
            ``repository``.
        """
        from . import _pickling, _saving

        unknown = set(options) - _OPTIONS
        if unknown:
            raise TypeError(f"save() got unknown options: {', '.join(sorted(unknown))}")
        pickled = _pickling.pickle_state(state)
        return _saving.commit(self._here(), pickled, request_for(name, options))

    # Loading

    def load(
        self,
        name: str,
        map_location: Any = None,
        weights_only: bool | None = None,
        *,
        verify: bool = False,
    ) -> Any:
        """Loads a checkpoint, by the rules of ``torch.load``.

        Storages on the CPU are mapped copy-on-write: nothing is read before it is touched, and
        writing to a loaded tensor never reaches the repository.

        Args:
            name: ``path``, ``path@n`` or a tag.
            map_location: As that of ``torch.load``.
            weights_only: As that of ``torch.load``.
            verify: Whether to read everything now, and check it against its digests.
        """
        from . import _following

        with self._checkpoint(name) as checkpoint:
            return _following.load(checkpoint, map_location, weights_only, verify)

    def tensors(self, name: str, only: str | None = None, *, shared: bool = False) -> Records:
        """The tensors of a checkpoint.

        Args:
            name: ``path``, ``path@n`` or a tag.
            only: Only those with names like this: ``"backbone.*"``.
            shared: Whether to say, from the index alone, where else their bytes are.

        Returns:
            Of each ``name``, ``dtype``, ``shape``, ``strides`` (in elements), ``byte_offset`` and
            ``storage``; with ``shared``, instead of the last, ``bytes``, ``other_checkpoints`` (in
            how many the same bytes are) and ``first_seen`` (the oldest that has them).
        """
        if shared:
            return self._listed(name, only)
        wanted = None if only is None else {entry["name"] for entry in self._listed(name, only)}
        with self._checkpoint(name) as checkpoint:
            return Records(
                (
                    entry
                    for entry in checkpoint.info["tensors"]
                    if wanted is None or entry["name"] in wanted
                ),
                ["name", "dtype", "shape", "strides", "byte_offset", "storage"],
            )

    def tensor(self, name: str, tensor: str) -> torch.Tensor:
        """Loads one tensor of a checkpoint, on the CPU, without the rest.

        Args:
            name: ``path``, ``path@n`` or a tag.
            tensor: The tensor's name, as :meth:`tensors` gives it.
        """
        import torch

        from ._unpickling import tensor_of_bytes

        with self._checkpoint(name) as checkpoint:
            for entry in checkpoint.info["tensors"]:
                if entry["name"] == tensor:
                    break
            else:
                raise CheckpointNotFound(
                    "notFound", f"{name}: has no tensor {tensor}",
                    "Repository.tensors() lists them",
                )
            dtype = getattr(torch, entry["dtype"], None)
            if not isinstance(dtype, torch.dtype) or entry["storage"] is None:
                raise InvalidArgument(
                    "invalid",
                    f"{name}: the tensor {tensor} ({entry['dtype']}) can't be loaded by itself",
                    "load the whole checkpoint",
                )
            storage = tensor_of_bytes(checkpoint.map(entry["storage"])).untyped_storage()
        start, remainder = divmod(int(entry["byte_offset"]), dtype.itemsize)
        if remainder:
            raise InvalidArgument("invalid", f"{name}: the tensor {tensor} is not aligned")
        # `set_` refuses a range beyond the storage's end.
        loaded = torch.empty(0, dtype=dtype, device="cpu")
        return loaded.set_(storage, start, entry["shape"], entry["strides"])

    def _checkpoint(self, name: str) -> Checkpoint:
        handle = _native.call_handle(
            "cairn_checkpoint_open", self._here(), _native.encode(name)
        )
        return Checkpoint(handle, name)


def request_for(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The library's request for a save."""
    request = {key: value for key, value in options.items() if value is not None}
    if "metrics" in request:
        request["metrics"] = plain_metrics(request["metrics"])
    if "tags" in request:
        tags = request["tags"]
        request["tags"] = [tags] if isinstance(tags, str) else [str(tag) for tag in tags]
    request["path"] = name
    return request
