"""The plugin for Lightning's Trainer and Fabric."""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from . import _files, _hook, _paths, _places, _pointer
from ._errors import CairnError
from ._pointer import Pointer
from .repository import Repository, request_for

_logger = logging.getLogger("cairn_ckpt")

METRICS_KEY = "cairn_metrics"
"""Where `CairnCallback` leaves the metrics for the plugin, which takes them out again."""

_OPTIONS = frozenset({"run", "tags", "metrics", "metadata", "keep_versions"})

# Where Lightning's launchers hand a child's weights over to its parent, which removes the file:
# no checkpoint that anybody would look for (lightning/pytorch/strategies/launchers).
_HANDOVER = ".temp.ckpt"

_INTERFACES = (
    "lightning.fabric.plugins.io.checkpoint_io",
    "lightning_fabric.plugins.io.checkpoint_io",
)

_warned_of_urls = False
_registered: list[Any] = []


def _to_cpu(storage: Any, location: str) -> Any:
    """TorchCheckpointIO's own default: the CPU."""
    return storage


class CairnCheckpointIO:
    """Keeps checkpoints in a Cairn repository, and pointer files at their paths.

    ``Trainer(plugins=[CairnCheckpointIO()])``, ``Fabric(plugins=[…])``. It is a ``CheckpointIO``
    of both ``lightning`` and ``pytorch_lightning``.

    Args:
        repo: The repository, or the directory that holds it as ``.cairn``; it is made if it is
            not there. By default what ``CAIRN_REPO`` says, else the nearest ``.cairn`` above a
            checkpoint's directory, else one made there at the first save: in the current
            directory if the checkpoint's directory lies below it, else in the checkpoint's.
        run: The run that checkpoints belong to. By default one of the name of their directory; a
            training that was resumed goes on with the run it was resumed from.
        keep_versions: How many versions a path holds on to when it is saved to again; None: all.
        files: ``"pointer"``: small files that ``torch.load`` follows where this package is
            installed. ``"full"``: the real files beside the repository, for those who upload,
            copy or serve them.
    """

    def __init__(
        self,
        repo: str | os.PathLike[str] | None = None,
        run: str | None = None,
        keep_versions: int | None = 1,
        files: str = "pointer",
    ) -> None:
        if files not in ("pointer", "full"):
            raise ValueError(f"files must be 'pointer' or 'full', not {files!r}")
        _check_keep_versions(keep_versions)
        self.repo = None if repo is None else os.fspath(repo)
        self.run = run
        self.keep_versions = keep_versions
        self.files = files
        self._reset()
        register_with_lightning()

    def _reset(self) -> None:
        # Reentrant: a signal handler that saves may run while this thread holds it.
        self._lock = threading.RLock()
        self._repositories: dict[str, Repository] = {}
        self._process = os.getpid()
        # The pointer that was loaded last, until the next save: what that follows.
        self._resumed: Pointer | None = None
        # Runs that were joined, by the directory in which the training goes on.
        self._joined: dict[str, str] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {
            "repo": self.repo,
            "run": self.run,
            "keep_versions": self.keep_versions,
            "files": self.files,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()
        register_with_lightning()

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        # `isinstance(plugin, CheckpointIO)` asks for this first: a Lightning that was imported
        # after the plugin was made gets to know it here.
        register_with_lightning()
        return type(self)

    # The interface

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | os.PathLike[str],
        storage_options: Any | None = None,
    ) -> None:
        """Saves a checkpoint. When it returns, it survives power loss.

        Args:
            checkpoint: The state of model and trainer.
            path: Where; a link there is replaced, never followed.
            storage_options: A dictionary of ``run``, ``tags``, ``metrics``, ``metadata`` and
                ``keep_versions``.

        Raises:
            TypeError: If there is anything else in `storage_options`.
        """
        options = _checked_options(storage_options)
        given = os.fspath(path)
        checkpoint = self._taking_metrics(checkpoint, options)
        if _paths.is_repository_path(given):
            self._save_by_name(checkpoint, given, options)
            return
        local = _paths.local_path(given)
        if local is None:
            _torch_plugin(given).save_checkpoint(checkpoint, given)
            return
        absolute = os.path.abspath(local)
        directory = os.path.dirname(absolute)
        _files.make_directories(directory)
        if os.path.isdir(absolute) and not os.path.islink(absolute):
            raise IsADirectoryError(f"{absolute}: is a directory, not saved over")
        if os.path.basename(absolute) == _HANDOVER:
            _save_plainly(checkpoint, absolute)
            return
        self._save_file(checkpoint, absolute, options)

    def load_checkpoint(
        self,
        path: str | os.PathLike[str],
        map_location: Any = _to_cpu,
        weights_only: bool | None = None,
        *,
        state: Any | None = None,
    ) -> Any:
        """Loads a checkpoint: what TorchCheckpointIO would load from it.

        Storages on the CPU are mapped copy-on-write: nothing is read before it is touched. A
        file that is no pointer is loaded by ``torch.load``.

        Args:
            path: Where it was saved.
            map_location: As that of ``torch.load``; the CPU by default, as saved for None.
            weights_only: As that of ``torch.load``.
            state: A dictionary (or module, or optimizer) to load the checkpoint into, in place.

        Returns:
            The checkpoint. With `state`, what of it the caller still has to apply; None if it
            was restored completely.
        """
        checkpoint = self._load(os.fspath(path), map_location, weights_only)
        if state is None or (isinstance(state, dict) and not state):
            return checkpoint
        from ._restoring import restore_into

        return restore_into(state, checkpoint)

    def remove_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Removes what is at a path: a pointer and the version it holds, a link (not what it
        leads to), another file, a directory; nothing if there is nothing.

        Args:
            path: Where.
        """
        given = os.fspath(path)
        if _paths.is_repository_path(given):
            place, name = _paths.split_repository_path(given)
            self._open(place).remove(name)
            return
        local = _paths.local_path(given)
        if local is None:
            _torch_plugin(given).remove_checkpoint(given)
            return
        absolute = os.path.abspath(local)
        if os.path.islink(absolute):
            os.unlink(absolute)
        elif os.path.isdir(absolute):
            shutil.rmtree(absolute)
        elif os.path.exists(absolute):
            self._remove_file(absolute)

    def teardown(self) -> None:
        """Lets go of the open repositories. The plugin works afterwards."""
        with self._lock:
            self._repositories.clear()
            self._resumed = None

    @property
    def requires_cpu_collectives(self) -> bool:
        """Whether saving needs collective operations on the CPU: no."""
        return False

    @property
    def _restore_after_setup(self) -> bool:
        """Whether checkpoints have to be restored after the strategy's setup: no."""
        return False

    @property
    def requires_state_on_load(self) -> bool:
        """Whether loading needs ``state``: no."""
        return self._restore_after_setup

    # Saving

    def _save_file(self, checkpoint: Any, path: str, options: dict[str, Any]) -> None:
        repository = self._repository_for(os.path.dirname(path), create=True)
        name = _paths.escaped(repository.name_for_file(path))
        run, parent = self._run_and_parent(repository, path)
        keep = options.pop("keep_versions", self.keep_versions)
        request = {"run": run, "parent": parent, "saved_as": path, "pointer": True, **options}
        from . import _pickling, _saving

        # Who saves here may load with plain torch.load next, entry point or not.
        _hook.register()
        pickled = _pickling.pickle_state(checkpoint)
        report = _saving.commit(repository._here(), pickled, request_for(name, request))
        place = repository.path
        pointer = Pointer(
            repository=report["repository"],
            place=place,
            relative=os.path.relpath(place, os.path.realpath(os.path.dirname(path))),
            checkpoint=report["id"],
            manifest=report["manifest"],
            name=f"{report['path']}@{report['version']}",
            run=request["run"],
        )
        try:
            old = self._replace(path, pointer, pickled.locations, keep, repository)
        except BaseException:
            self._release_unless_held(pointer, path)
            raise
        # From here the pointer holds the new version, and what it held before may go.
        if old is not None:
            self._release(*old)
        _places.note(report["repository"], place)

    def _replace(
        self,
        path: str,
        pointer: Pointer,
        locations: list[str],
        keep: int | None,
        repository: Repository,
    ) -> tuple[Pointer, list[str], str] | None:
        """Writes the pointer (or full file) and gives what the one before it no longer holds."""
        # Another name of the same file holds on to it; so does a link's target.
        old = _pointer.read_held(path) if _files.link_count(path) == 1 else None
        released: list[str] = []
        if old is not None:
            if old.repository == pointer.repository and keep != 1:
                held = old.held()
                pointer.earlier = held if keep is None else held[: keep - 1]
            released = [item for item in old.held() if item not in pointer.earlier]
        if self.files == "full":
            self._write_full(path, pointer, repository)
        else:
            _pointer.write(path, pointer, locations)
        return (old, released, path) if old is not None and released else None

    def _write_full(self, path: str, pointer: Pointer, repository: Repository) -> None:
        temporary = _files.temporary_beside(path)
        try:
            repository.restore(pointer.name, temporary, format="pytorch")
            _pointer.embed(temporary, pointer)
            _files.sync_file(temporary)
            _files.replace_durably(temporary, path)
        except BaseException:
            if os.path.lexists(temporary):
                os.unlink(temporary)
            raise

    def _save_by_name(self, checkpoint: Any, path: str, options: dict[str, Any]) -> None:
        place, name = _paths.split_repository_path(path)
        keep = options.pop("keep_versions", self.keep_versions)
        run = options.pop("run", None) or self.run or _run_of(os.path.dirname(name))
        self._open(place).save(checkpoint, name, run=run, keep_versions=keep, **options)

    def _taking_metrics(self, checkpoint: Any, options: dict[str, Any]) -> Any:
        """Takes what `CairnCallback` left out of the checkpoint, and among the options."""
        if not isinstance(checkpoint, dict) or METRICS_KEY not in checkpoint:
            return checkpoint
        rest = {key: value for key, value in checkpoint.items() if key != METRICS_KEY}
        options["metrics"] = {**checkpoint[METRICS_KEY], **(options.get("metrics") or {})}
        return rest

    def _run_and_parent(
        self, repository: Repository, path: str
    ) -> tuple[str | None, str | None]:
        directory = os.path.dirname(path)
        with self._lock:
            resumed, self._resumed = self._resumed, None
            if resumed is not None and resumed.repository == repository.identifier:
                if resumed.run is not None:
                    self._joined[directory] = resumed.run
                parent = resumed.checkpoint
            else:
                parent = None
            joined = self._joined.get(directory)
        if parent is not None:
            found = repository.find(parent)
            parent = parent if found is not None else None
        run = self.run or joined or _run_of(repository.name_for_file(directory))
        return run, parent

    # Loading

    def _load(self, given: str, map_location: Any, weights_only: bool | None) -> Any:
        if _paths.is_repository_path(given):
            place, name = _paths.split_repository_path(given)
            return self._open(place).load(name, map_location, weights_only)
        local = _paths.local_path(given)
        if local is None:
            return _torch_plugin(given).load_checkpoint(given, map_location, weights_only)
        if not os.path.exists(local):
            raise FileNotFoundError(f"Checkpoint file not found: {given}")
        absolute = os.path.abspath(local)
        pointer = _pointer.read(absolute)
        if pointer is None:
            # torch.load then raises what there is to say of a directory.
            return _load_plainly(absolute, map_location, weights_only)
        from . import _following

        with _places.open_pointer(pointer, absolute) as checkpoint:
            loaded = _following.load(checkpoint, map_location, weights_only)
        with self._lock:
            self._resumed = pointer
        return loaded

    # Removing

    def _remove_file(self, path: str) -> None:
        held = _pointer.read_held(path)
        alone = _files.link_count(path) == 1
        os.unlink(path)
        if held is None:
            return
        _files.sync_directory(os.path.dirname(path))
        if alone:
            self._release(held, held.held(), path)

    def _release_unless_held(self, pointer: Pointer, path: str) -> None:
        """Frees a new version after its pointer could not be written."""
        held = _pointer.read_held(path)
        # It may have got its name, which then only isn't durable.
        if held is None or held.checkpoint != pointer.checkpoint:
            self._release(pointer, [pointer.checkpoint], path)

    def _release(self, pointer: Pointer, identifiers: list[str], path: str) -> None:
        """Frees versions that no pointer holds any more, but for tagged ones, which their tags
        hold. Never fails what has been done."""
        try:
            repository = self._open(_places.locate(pointer, path))
            records = [repository.find(identifier) for identifier in identifiers]
            free = [record["id"] for record in records if record and not record["tags"]]
            if free:
                repository.remove_ids(free)
        except (CairnError, OSError) as error:
            _logger.warning(
                "%s: its old version could not be freed: %s (`cairn gc --pointers` finds it)",
                path,
                error,
            )

    # Repositories

    def _open(self, place: str) -> Repository:
        if self._process != os.getpid():
            # A forked child: the lock may have been held by a thread that is not here.
            self._process, self._lock, self._repositories = os.getpid(), threading.RLock(), {}
        with self._lock:
            repository = self._repositories.get(place)
            if repository is None:
                repository = self._repositories[place] = Repository(place)
            return repository

    def _repository_for(self, directory: str, create: bool) -> Repository:
        """The repository of checkpoints in a directory."""
        if self.repo is not None:
            place = _places.repository_in(self.repo)
            if create and _places.identifier_at(place) is None and not _holds_anything(place):
                _make(place)
            return self._open(place)
        place_or_none = _places.named_repository() or _places.discover(directory)
        if place_or_none is None:
            place_or_none = _places.create_for(directory)
        return self._open(place_or_none)


def _make(place: str) -> None:
    _files.make_directories(os.path.dirname(place))
    try:
        Repository.initialize(place).close()
    except CairnError as error:
        if error.kind != "alreadyExists":
            raise


def _holds_anything(place: str) -> bool:
    try:
        return bool(os.listdir(place))
    except OSError:
        return False


def _run_of(directory: str) -> str | None:
    """The name of a directory's run: that of Lightning's logger, without its ``checkpoints``."""
    parts = [part for part in directory.split("/") if part not in ("", ".")]
    if len(parts) > 1 and parts[-1] == "checkpoints":
        parts.pop()
    name = "/".join(parts)
    if directory.startswith("/") and name:
        name = "/" + name
    return _paths.escaped(name) or None


def _check_keep_versions(value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"keep_versions must be a number from 1 on, or None, not {value!r}")


def _checked_options(storage_options: Any) -> dict[str, Any]:
    if storage_options is None:
        return {}
    if not isinstance(storage_options, Mapping):
        raise TypeError(
            f"storage_options must be a dictionary of {', '.join(sorted(_OPTIONS))}, "
            f"not {type(storage_options).__name__}"
        )
    unknown = set(storage_options) - _OPTIONS
    if unknown:
        raise TypeError(
            f"storage_options has unknown keys {', '.join(sorted(map(str, unknown)))}; "
            f"known are {', '.join(sorted(_OPTIONS))}"
        )
    _check_keep_versions(storage_options.get("keep_versions"))
    return dict(storage_options)


def _save_plainly(checkpoint: Any, path: str) -> None:
    import torch

    temporary = _files.temporary_beside(path)
    try:
        torch.save(checkpoint, temporary)
        os.replace(temporary, path)
    except BaseException:
        if os.path.lexists(temporary):
            os.unlink(temporary)
        raise


def _load_plainly(path: str, map_location: Any, weights_only: bool | None) -> Any:
    import torch

    _hook.register()
    # A file object, as TorchCheckpointIO gives: of a path, torch would look at the name too.
    with open(path, "rb") as file:
        return torch.load(file, map_location=map_location, weights_only=weights_only)


def _torch_plugin(path: str) -> Any:
    """TorchCheckpointIO, for URLs."""
    global _warned_of_urls
    if not _warned_of_urls:
        _warned_of_urls = True
        _logger.warning(
            "%s is not on a local disk: it is saved and loaded without Cairn, as by "
            "TorchCheckpointIO",
            path,
        )
    _hook.register()
    other = "lightning_fabric" in sys.modules and "lightning" not in sys.modules
    package = "lightning_fabric" if other else "lightning.fabric"
    return importlib.import_module(f"{package}.plugins.io.torch_io").TorchCheckpointIO()


def register_with_lightning() -> None:
    """Makes the plugin a ``CheckpointIO`` of each Lightning that is loaded; loads none."""
    for name in _INTERFACES:
        interface = getattr(sys.modules.get(name), "CheckpointIO", None)
        register: Callable[[type], Any] | None = getattr(interface, "register", None)
        if interface is not None and register is not None and interface not in _registered:
            _registered.append(interface)
            register(CairnCheckpointIO)


register_with_lightning()
