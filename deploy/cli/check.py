"""`maitred check`: findings of the database check, as text or as JSON."""

import json
from collections import defaultdict
from dataclasses import asdict
from time import monotonic

import click

from models.core import clock
from models.integrity.check import AT_MOST, RULES, Finding, findings_at_once

#: Most findings of one rule that are printed as text.
SHOWN = 20


def run_check(*, grace_seconds: float) -> list[Finding]:
    """Check the database of DATABASE_URL. Return the findings."""
    return findings_at_once(now=clock.now(), grace_seconds=grace_seconds)


def show_check(*, grace_seconds: float, as_json: bool = False) -> bool:
    """Run the check and print the result. Return whether there were no findings."""
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
    """Return the lines of the text report: each rule's result and its findings."""
    by_rule: dict[str, list[Finding]] = defaultdict(list)
    for finding in found:
        by_rule[finding.rule].append(finding)
    lines, width = [], max(map(len, RULES)) + 1
    for rule, promise in RULES.items():
        wrong = by_rule.get(rule, [])
        lines.append(f"{'WRONG' if wrong else 'ok':<6}{rule:<{width}}{promise}")
        lines += [f"        {finding.text}" for finding in wrong[:SHOWN]]
        if len(wrong) > SHOWN:
            most = " or more" if len(wrong) == AT_MOST else ""
            lines.append(f"        and {len(wrong) - SHOWN}{most} others")
    what = f"{len(found)} findings" if found else "No findings"
    return [*lines, f"{what} ({seconds:.1f} s)"]
