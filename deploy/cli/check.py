"""`maitred check`: what the proof over the database found, for people or for programs."""

import json
from collections import defaultdict
from dataclasses import asdict
from time import monotonic

import click

from models.core import clock
from models.integrity.check import AT_MOST, RULES, Finding, findings_at_once

#: Findings of one rule that are written out for people.
SHOWN = 20


def run_check(*, grace_seconds: float) -> list[Finding]:
    """Prove the database of DATABASE_URL; what is wrong with it."""
    return findings_at_once(now=clock.now(), grace_seconds=grace_seconds)


def show_check(*, grace_seconds: float, as_json: bool = False) -> bool:
    """Run the check and print its verdict; whether the house is in order."""
    began = monotonic()
    found = run_check(grace_seconds=grace_seconds)
    seconds = monotonic() - began
    if as_json:
        shape = {
            "in_order": not found,
            "seconds": round(seconds, 3),
            "rules": sorted(RULES),
            "findings": [asdict(finding) for finding in found],
        }
        click.echo(json.dumps(shape, indent=2))
    else:
        click.echo("\n".join(verdict(found, seconds=seconds)))
    return not found


def verdict(found: list[Finding], *, seconds: float) -> list[str]:
    """The lines that say what is proved, and what is not."""
    by_rule: dict[str, list[Finding]] = defaultdict(list)
    for finding in found:
        by_rule[finding.rule].append(finding)
    lines = []
    for rule, promise in RULES.items():
        wrong = by_rule.get(rule, [])
        lines.append(f"{'WRONG' if wrong else 'ok':<6}{rule:<20}{promise}")
        lines += [f"        {finding.text}" for finding in wrong[:SHOWN]]
        if len(wrong) > SHOWN:
            most = " or more" if len(wrong) == AT_MOST else ""
            lines.append(f"        and {len(wrong) - SHOWN}{most} others")
    what = f"{len(found)} findings" if found else "The house is in order"
    return [*lines, f"{what} ({seconds:.1f} s)"]
