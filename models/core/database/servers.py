"""The servers that a database URL names."""

import re
from typing import Final

from sqlalchemy import URL, make_url

_PORT: Final = 3306
_SEVERAL: Final = re.compile(
    r"(?P<head>(?!sqlite)[\w+]+://(?:[^@]*@)?)(?P<hosts>[^/?]+)(?P<tail>.*)"
)


def split_url(text: str) -> tuple[URL, ...]:
    """One URL for each server of `mysql+mysqldb://name:password@one:3306,two:3306/maitred`.

    Raises ArgumentError or ValueError if the text is not a URL.
    """
    found = _SEVERAL.fullmatch(text)
    if found is None or "," not in found["hosts"]:
        return (make_url(text),)
    urls = [
        make_url(found["head"] + host.strip() + found["tail"]) for host in found["hosts"].split(",")
    ]
    if not all(url.host for url in urls):
        raise ValueError("a server without a name")
    return tuple(urls)


def server_name(url: URL) -> str:
    """`host:port`, as in messages and in the option `--to` of commands."""
    return f"{url.host}:{url.port or _PORT}"
