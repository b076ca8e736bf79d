"""What a user says of one save: checked before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

METRICS_KEY = "cairn_metrics"
"""Where `CairnCallback` leaves the metrics for the plugin, which takes them out again."""

_OPTIONS = frozenset({"run", "tags", "metrics", "metadata", "keep_versions"})


def check_keep_versions(value: Any) -> None:
    """Raises ValueError unless it is a number of versions, or None for all."""
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"keep_versions must be a number from 1 on, or None, not {value!r}")


def checked(storage_options: Any) -> dict[str, Any]:
    """The options of a save; raises TypeError for anything else."""
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
    check_keep_versions(storage_options.get("keep_versions"))
    return dict(storage_options)


def taking_metrics(checkpoint: Any, options: dict[str, Any]) -> Any:
    """Takes what `CairnCallback` left out of the checkpoint, and among the options."""
    if not isinstance(checkpoint, dict) or METRICS_KEY not in checkpoint:
        return checkpoint
    rest = {key: value for key, value in checkpoint.items() if key != METRICS_KEY}
    options["metrics"] = {**checkpoint[METRICS_KEY], **(options.get("metrics") or {})}
    return rest
