"""Text that is asked with: patterns, expressions, SQL."""

from __future__ import annotations

from ._errors import CairnError, InvalidArgument


class Located:
    """Says at which character of a text an error is, not at which byte."""

    def __init__(self, text: str | None) -> None:
        self._text = text or ""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CairnError) and error.offset is not None:
            before = self._text.encode("utf-8", "replace")[: error.offset]
            error.offset = len(before.decode("utf-8", "ignore"))


def encoded(text: str) -> bytes:
    """Text for the library, which is no path: what is not Unicode in it is refused."""
    try:
        result = text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgument("invalid", f"{text!r}: is no Unicode text") from error
    if b"\0" in result:
        raise InvalidArgument("invalid", f"{text!r}: holds a zero byte")
    return result
