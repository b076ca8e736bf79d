"""Values as the library's JSON has them, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from ._errors import InvalidArgument


def encoded(members: Mapping[str, Any], what: str) -> bytes:
    """An object for the library, without the members that are None.

    Args:
        members: The members.
        what: What they are, for the error if they are no plain JSON values.
    """
    given = {key: value for key, value in members.items() if value is not None}
    try:
        return json.dumps(given, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidArgument(
            "invalid", f"{what} must be plain JSON values: {error}"
        ) from error


def plain_metrics(metrics: Mapping[str, Any]) -> dict[str, float | str]:
    """Metrics as JSON has them: numbers, those that are not finite by name."""
    plain: dict[str, float | str] = {}
    for name, value in metrics.items():
        number = float(value)
        if math.isnan(number):
            plain[str(name)] = "NaN"
        elif math.isinf(number):
            plain[str(name)] = "Infinity" if number > 0 else "-Infinity"
        else:
            plain[str(name)] = number
    return plain


def floats(members: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """A copy of an object in which these members are floats, as they were before JSON: that has
    no NaN and no infinities, and 1.0 is 1 there."""
    wanted = set(names)
    return {
        name: float(value) if name in wanted and value is not None else value
        for name, value in members.items()
    }


def record(members: dict[str, Any]) -> dict[str, Any]:
    """What is known of a checkpoint, its metrics as floats."""
    return {**members, "metrics": floats(members["metrics"], members["metrics"])}
