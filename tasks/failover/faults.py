"""The error of a fail-over."""

from models.core.errors import MaitredError


class FailoverRefused(MaitredError):
    """The fail-over would lose or split data, or that is unknown; the text gives the reason."""

    code = "failover-refused"
