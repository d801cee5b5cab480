"""How many quotes were right. `python -m tests.rules.door.shares` prints it by size of party."""

from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Final

from models.rules.door.quotes import Quote
from models.rules.door.turns import USUAL, Turns
from tests.rules.door.evenings import EARLY, KEPT, Evening, Habits, Party


def judged(party: Party) -> str:
    """Whether the wait was within the quote; the waits of who gave up are not known."""
    if party.waited is None or party.quote is None:
        return "unknown"
    if party.waited > party.quote.high:
        return "too short"
    return "too long" if party.waited < party.quote.low else "within"


def played(
    seeds: range,
    habits: Habits = KEPT,
    *,
    turns: Turns = USUAL,
    reservations: int = 55,
    at_the_door: int = 22,
) -> list[Party]:
    """Who joined in these evenings, quoted as for a restaurant of such turns."""
    joined: list[Party] = []
    for seed in seeds:
        evening = Evening(Random(seed), habits, turns)
        joined += evening.play(reservations=reservations, at_the_door=at_the_door)
    return joined


@dataclass(frozen=True, slots=True)
class Shares:
    """Of the known waits: percent within the quote, longer than it, and less long."""

    known: int
    within: float
    too_short: float
    too_long: float
    widest: int

    def said(self) -> str:
        """Return it in words."""
        return (
            f"{self.known} waits, {self.within:.0f}% within, {self.too_short:.0f}% too short, "
            f"{self.too_long:.0f}% too long; widest {self.widest}"
        )


def shares(parties: list[Party]) -> Shares:
    """Return what became of the quotes of these parties."""
    count = Counter(judged(each) for each in parties)
    known = count.total() - count["unknown"]
    within, short, long = (
        100 * count[each] / max(1, known) for each in ("within", "too short", "too long")
    )
    wide = [each.quote.high - each.quote.low for each in parties if each.quote]
    return Shares(known, within, short, long, max(wide, default=0))


_SIZES_SHOWN: Final = {"all": (1, 12), "1-2": (1, 2), "3-4": (3, 4), "5-8": (5, 8)}


def main() -> None:
    """Print the shares by size: guests who keep to the plan, and who leave before it."""
    cases = ((KEPT, USUAL), (EARLY, USUAL), (EARLY, Turns(EARLY.share)))
    for habits, turns in cases:
        print(f"turns of {habits.share:.2f} of the plan, known as {turns.middle:.2f}")
        joined = played(range(20), habits, turns=turns)
        for what, parties in (
            ("all", joined),
            ("not seated at once", [each for each in joined if each.quote != Quote(0, 0)]),
        ):
            for name, (least, most) in _SIZES_SHOWN.items():
                found = shares([each for each in parties if least <= each.size <= most])
                print(f"  {what}, {name}: {found.said()}")


if __name__ == "__main__":
    main()
