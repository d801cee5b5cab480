"""The error of a version that is being deployed."""


class NotWell(Exception):
    """A version does not work as it should; the text describes the fault."""
