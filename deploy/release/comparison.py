"""Comparison of two versions by their metrics: errors and the 95th percentile."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from deploy.release.place import NoAnswer, Place, Slot
from models.core.settings import settings

#: With fewer answers than this, no verdict is possible.
ENOUGH: Final = 20
#: This many 5xx are enough for a verdict, however few the answers are.
ENOUGH_ERRORS: Final = 5
#: The new version's share of 5xx may be higher by this much.
MORE_ERRORS: Final = 0.01
#: Its 95th percentile may be this many times the old one's, or RELEASE_SLOWER_MS above it.
SLOWER_TIMES: Final = 1.5
#: Paths that monitoring requests, not guests.
_OURS: Final = frozenset({"/healthz", "/readyz", "/metrics"})


@dataclass(frozen=True, slots=True)
class Counts:
    """A web process's totals: answers, 5xx, and answers within each bound (in seconds)."""

    answers: float = 0.0
    errors: float = 0.0
    within: Mapping[float, float] = field(default_factory=dict)

    def since(self, before: "Counts") -> "Counts":
        """Return the difference to `before`. A restarted process counts from zero."""
        if self.answers < before.answers:
            return self
        within = {
            bound: count - before.within.get(bound, 0) for bound, count in self.within.items()
        }
        return Counts(self.answers - before.answers, self.errors - before.errors, within)

    @property
    def error_share(self) -> float:
        """Share of 5xx, 0..1."""
        return self.errors / self.answers if self.answers else 0.0

    @property
    def p95(self) -> float:
        """Seconds within which 95% were answered, interpolated linearly between two bounds."""
        bounds = sorted(self.within)
        wanted = 0.95 * (self.within[bounds[-1]] if bounds else 0)
        low, below = 0.0, 0.0
        for bound in bounds:
            count = self.within[bound]
            if count >= wanted and count > below:
                top = low if bound == inf else bound
                return low + (top - low) * (wanted - below) / (count - below)
            low, below = bound, count
        return 0.0

    def __str__(self) -> str:
        errors, slow = f"{self.error_share:.1%} errors", f"p95 {self.p95 * 1e3:.0f} ms"
        return f"{self.answers:.0f} answers, {errors}, {slow}"


def counts(place: Place, slot: Slot) -> Counts:
    """Return the slot's totals so far. Raises NoAnswer."""
    text = place.ask(slot, "/metrics").raise_for_status().text
    answers = errors = 0.0
    within: dict[float, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = sample.labels
            if labels.get("route") in _OURS:
                continue
            if sample.name == "maitred_http_requests_total":
                answers += sample.value
                errors += sample.value if labels["status"].startswith("5") else 0
            elif sample.name == "maitred_http_request_seconds_bucket":
                bound = float(labels["le"])
                within[bound] = within.get(bound, 0) + sample.value
    return Counts(answers, errors, within)


def safe_counts(place: Place, slot: Slot) -> Counts | None:
    """Return the slot's totals so far, or None when it does not answer."""
    try:
        return counts(place, slot)
    except NoAnswer:
        return None


def more_errors(new: Counts, old: Counts) -> str:
    """Describe how much more often the new version fails; "" if it does not, or had few answers."""
    has_few = new.answers < ENOUGH and new.errors < ENOUGH_ERRORS
    if has_few or new.error_share <= old.error_share + MORE_ERRORS:
        return ""
    return f"errors: {new.error_share:.1%} of {new.answers:.0f}, before {old.error_share:.1%}"


def slower(new: Counts, old: Counts) -> str:
    """Describe how much slower the new version is; "" if it is not.

    Both must have ENOUGH answers.
    """
    above = settings().release_slower_ms / 1e3
    if new.p95 <= max(old.p95 * SLOWER_TIMES, old.p95 + above):
        return ""
    return f"slow: p95 {new.p95 * 1e3:.0f} ms, before {old.p95 * 1e3:.0f} ms"
