"""Why nothing was switched."""

from models.core.errors import MaitredError


class FailoverRefused(MaitredError):
    """It would lose or divide what the house holds, or it cannot be known; the text says which."""

    code = "failover-refused"
