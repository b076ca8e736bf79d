"""Changes to what a repository has and what that is called."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from . import _json, _native


class Changes:
    """What can be changed in a repository."""

    def _here(self) -> int:
        """The handle of this process."""
        raise NotImplementedError

    def tag(self, tag: str, name: str) -> dict[str, Any]:
        """Lets a tag point to a checkpoint, wherever it pointed before.

        Args:
            tag: The tag.
            name: ``path``, ``path@n`` or another tag.

        Returns:
            ``tag``, ``id``, ``name``, ``previous`` (what it pointed to before, or None),
            ``warnings``.
        """
        encoded = _native.encode(tag), _native.encode(name)
        return dict(_native.call_json("cairn_tag", self._here(), *encoded))

    def untag(self, tag: str) -> dict[str, Any]:
        """Takes a tag away; the checkpoint stays."""
        return dict(_native.call_json("cairn_untag", self._here(), _native.encode(tag)))

    def move(self, name: str, path: str) -> dict[str, Any]:
        """Gives a path with all its versions, or ``path@n`` that one, another path.

        Returns:
            ``moved`` (each ``id``, ``from``, ``to``), ``warnings``.
        """
        encoded = _native.encode(name), _native.encode(path)
        return dict(_native.call_json("cairn_move", self._here(), *encoded))

    def annotate(
        self,
        name: str,
        *,
        metrics: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        unset: Iterable[str] = (),
    ) -> dict[str, Any]:
        """Sets metrics and metadata of a checkpoint, and takes others away; content stays.

        Args:
            name: ``path``, ``path@n`` or a tag.
            metrics: Numbers to set, by name.
            metadata: Plain JSON values to set, by key.
            unset: Metrics and keys of metadata to take away.

        Returns:
            ``checkpoint`` as it is described now, ``warnings``.
        """
        annotation = {
            "metrics": None if metrics is None else _json.plain_metrics(metrics),
            "metadata": None if metadata is None else dict(metadata),
            "unset": [unset] if isinstance(unset, str) else list(unset),
        }
        encoded = _native.encode(name), _json.encoded(annotation, f"{name}: metadata")
        report = dict(_native.call_json("cairn_annotate", self._here(), *encoded))
        report["checkpoint"] = _json.record(report["checkpoint"])
        return report

    def remove(self, *names: str) -> dict[str, Any]:
        """Removes checkpoints: ``path`` for all its versions, ``path@n`` for that one.

        Returns:
            ``removed``, ``freed_bytes``, ``warnings``.
        """
        encoded = json.dumps(list(names)).encode()
        return dict(_native.call_json("cairn_remove", self._here(), encoded))

    def remove_ids(
        self, identifiers: Iterable[str], *, keep_tagged: bool = False
    ) -> dict[str, Any]:
        """Removes checkpoints by their ids; unknown ones are no error.

        Args:
            identifiers: The ids.
            keep_tagged: Whether those stay that have a tag, one that comes at the last moment
                included.
        """
        function = "cairn_remove_untagged_ids" if keep_tagged else "cairn_remove_ids"
        encoded = json.dumps(list(identifiers)).encode()
        return dict(_native.call_json(function, self._here(), encoded))

    def prune(
        self,
        *paths: str,
        run: str | None = None,
        keep_last: int | None = None,
        keep_every: int | None = None,
        keep_best: str | Iterable[str] = (),
        keep_within: str | timedelta | None = None,
        keep_tagged: bool = False,
        group_by: str = "run",
        pointers: bool = False,
        force: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Removes checkpoints that no rule keeps, and frees what only they need.

        Rules are applied to each run by itself. Tagged checkpoints always stay, and so do
        incomplete ones, and those that a pointer file holds.

        Args:
            *paths: Only versions of these paths.
            run: Only those of this run.
            keep_last: Keep so many of the newest.
            keep_every: Keep the earliest of each interval of so many steps.
            keep_best: Keep the best by a metric, ``"val_loss"``, ``"val_acc:max"``,
                ``"val_loss:3"``, or by several.
            keep_within: Keep those not older than the newest by more than this: ``"7d"``.
            keep_tagged: A rule that may stand alone: keep nothing but tagged ones.
            group_by: To what rules are applied: each ``"run"`` or ``"path"``, or ``"all"``.
            pointers: Whether to delete pointer files that hold what no rule keeps.
            force: Whether nothing need stay of a group.
            dry_run: Only say what would be removed and freed.

        Returns:
            ``dry_run``, ``kept``, ``removed`` (lists; of each kept one ``rules`` says why),
            ``freed_files``, ``freed_bytes``, ``unlinked`` (pointer files), ``warnings``.
        """
        if isinstance(keep_within, timedelta):
            keep_within = f"{keep_within.total_seconds():f}s"
        policy = {
            "paths": list(paths), "run": run, "keep_last": keep_last, "keep_every": keep_every,
            "keep_best": [keep_best] if isinstance(keep_best, str) else list(keep_best),
            "keep_within": keep_within, "keep_tagged": keep_tagged, "group_by": group_by,
            "pointers": pointers, "force": force, "dry_run": dry_run,
        }
        encoded = _json.encoded(policy, "a policy")
        return dict(_native.call_json("cairn_prune", self._here(), encoded))

    def backup(
        self,
        directory: str | os.PathLike[str],
        *,
        copy: bool = False,
        force: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Copies the repository into a directory, consistently while it is in use.

        A second time only what is new is copied. The copy is a repository; until a backup is
        whole it stays what the last one made it. Ctrl-C stops it, and the next one goes on.

        Args:
            directory: New, empty, or with this repository's backup in it.
            copy: Whether files get bytes of their own where a hard link or a reflink would do.
            force: Whether a backup that is damaged or of another history is replaced.
            dry_run: Only say what would be new and removed.

        Returns:
            ``path``, ``checkpoints``, ``log_bytes``, ``files``, ``bytes``, and of these
            ``new_…``, ``reused_…``, ``linked_…``, ``cloned_…``, ``copied_files`` and ``…_bytes``;
            ``removed_files``, ``removed_bytes``, ``warnings``, ``problems``: what the repository
            itself lacks.

        Raises:
            BackupDiverged: What is there is no earlier state of this repository.
        """
        options = {"copy": copy, "force": force, "dry_run": dry_run}
        return dict(
            _native.call_stoppable(
                "cairn_backup",
                self._here(),
                _native.encode(os.path.abspath(os.fspath(directory))),
                _json.encoded(options, "options"),
            )
        )

    def restore(
        self,
        name: str,
        destination: str | os.PathLike[str],
        *,
        format: str | None = None,  # noqa: A002 - the command line's word
        overwrite: bool = False,
    ) -> dict[str, Any]:
        """Writes a checkpoint to a file, its content checked.

        Args:
            name: ``path``, ``path@n`` or a tag.
            destination: The file.
            format: ``"original"``, ``"pytorch"`` or ``"safetensors"``.
            overwrite: Whether a file that is there is replaced.
        """
        options = {"format": format, "overwrite": overwrite}
        return dict(
            _native.call_json(
                "cairn_restore",
                self._here(),
                _native.encode(name),
                _native.encode(os.path.abspath(os.fspath(destination))),
                json.dumps(options).encode(),
            )
        )
