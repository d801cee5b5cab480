"""How long parties stay, as a share of their planned turns: learnt from a restaurant's evenings."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Final

#: Where nothing is known: half of the parties stay longer than planned, two thirds within 22%.
_SPREAD: Final = 0.22
#: What is usual counts as much as so many parties of the restaurant.
_WEIGHT: Final = 20
#: Other shares are not turns: a host who forgot to finish a party, or pressed a wrong key.
_CREDIBLE: Final = (0.3, 2.0)


@dataclass(frozen=True, slots=True)
class Turns:
    """Turns are spread log-normally. `middle`: half of them are longer; `spread`: of the logs."""

    middle: float = 1.0
    spread: float = _SPREAD


USUAL: Final = Turns()


def turns_from(shares: Iterable[float]) -> Turns:
    """The turns of a restaurant whose parties stayed for these shares of their planned turns."""
    logs = [log(each) for each in shares if _CREDIBLE[0] <= each <= _CREDIBLE[1]]
    weight = len(logs) + _WEIGHT
    middle = sum(logs) / weight
    squares = _WEIGHT * (_SPREAD**2 + middle**2) + sum((each - middle) ** 2 for each in logs)
    return Turns(exp(middle), sqrt(squares / weight))
