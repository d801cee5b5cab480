"""Responses that carry a stored picture, safe against being run by a browser."""

from typing import Final

from flask import Response

#: If the picture is opened as a page: no scripts, no forms, and not our origin.
_POLICY: Final = "default-src 'none'; sandbox; frame-ancestors 'none'"


def picture_answer(media_type: str, content: bytes, *, name: str) -> Response:
    """Return the picture. Browsers show it inside a page and download it anywhere else."""
    answer = Response(content, mimetype=media_type)
    ending = media_type.partition("/")[2]
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return answer
