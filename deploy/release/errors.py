"""The error of a release that fails."""


class ReleaseFailed(Exception):
    """A version does not work as it should; the text describes the fault."""
