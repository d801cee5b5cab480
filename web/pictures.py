"""How a kept picture goes out: as what it is, and as nothing that a browser would run."""

from typing import Final

from flask import Response

#: Were it opened as a page: no script, no form, no origin of ours.
_POLICY: Final = "default-src 'none'; sandbox; frame-ancestors 'none'"


def picture_answer(media_type: str, content: bytes, *, name: str) -> Response:
    """The picture. A browser shows it within a page and saves it anywhere else."""
    answer = Response(content, mimetype=media_type)
    ending = media_type.partition("/")[2]
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return answer
