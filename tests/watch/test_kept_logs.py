"""Logs are retained for 90 days on each target. What can run here is run, the rest is read."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.architecture.tree import ROOT
from tests.plan.lines import MACHINES
from tests.services import plan
from tests.services.missing import require_program
from tests.services.servers.elasticsearch import Elasticsearch
from tests.services.servers.key_service import ENVIRONMENT, REGION
from tests.services.servers.log_index import LOGS

PAGE = (ROOT / "docs" / "logs.md").read_text(encoding="utf-8")
STREAM = "logs-maitred-default"


@pytest.fixture
def elasticsearch() -> Iterator[Elasticsearch]:
    made = Elasticsearch()
    made.start()
    yield made
    made.stop()


def set_up(folder: Path, elasticsearch: Elasticsearch) -> subprocess.CompletedProcess[str]:
    require_program("curl")
    argv = ["sh", str(folder / "setup.sh"), "elasticsearch", elasticsearch.url]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_a_line_is_there_for_90_days_and_gone_a_day_later(elasticsearch: Elasticsearch) -> None:
    done = set_up(LOGS, elasticsearch)
    assert done.returncode == 0, done.stdout + done.stderr
    for day in range(400):
        elasticsearch.take(STREAM, day)
        if day >= 91:
            assert day - min(elasticsearch.kept) in (90, 91)
    said = "setup.sh against a stand-in that checks its words; kept 90 to 91 days"
    plan.prove(line="logs", target="compose", how="rehearsed", figure=said)


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("lifecycle.json", '"min_age": "90d"', '"min_age": "90"'),
        ("lifecycle.json", '"max_age"', '"maximum_age"'),
        ("lifecycle.json", '"delete": {}', '"remove": {}'),
        ("template.json", '"index.lifecycle.name"', '"lifecycle.name"'),
        ("template.json", '"maitred-90-days"', '"of-another-name"'),
        ("template.json", '"type": "date"', '"type": "datetime"'),
    ],
)
def test_a_word_that_it_does_not_know_is_said_and_nothing_goes_on(
    file: str, right: str, wrong: str, elasticsearch: Elasticsearch, tmp_path: Path
) -> None:
    shutil.copytree(LOGS, tmp_path / "logs")
    text = (tmp_path / "logs" / file).read_text(encoding="utf-8")
    assert right in text
    (tmp_path / "logs" / file).write_text(text.replace(right, wrong, 1), encoding="utf-8")
    done = set_up(tmp_path / "logs", elasticsearch)
    assert done.returncode == 1
    assert '"status":400' in done.stderr + done.stdout


def commands(program: str) -> list[list[str]]:
    """Return the page's commands of that program, split into words."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith(f"{program} ")]


def options(words: list[str]) -> dict[str, str]:
    """Parse `--name value` and `--name=value`."""
    found = {}
    for at, word in enumerate(words):
        if word.startswith("--"):
            name, is_one, value = word.partition("=")
            found[name.removeprefix("--")] = value if is_one else words[at + 1]
    return found


def test_amazons_log_group_is_set_to_90_days(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    asked: list[Any] = []
    with mock_aws():
        client = boto3.client("logs", region_name=REGION)
        for service, operation, *words in commands("aws"):
            if service == "logs":
                named = {_camel(key): value for key, value in options(words).items()}
                if "retentionInDays" in named:
                    named["retentionInDays"] = int(named["retentionInDays"])  # type: ignore[assignment]
                named.pop("query", None)
                asked.append(getattr(client, operation.replace("-", "_"))(**named))
        (group,) = asked[-1]["logGroups"]
    assert group["retentionInDays"] == 90
    said = "the commands of docs/logs.md, taken by moto in the place of CloudWatch"
    plan.prove(line="logs", target="aws", how="rehearsed", figure=said)


def _camel(name: str) -> str:
    first, *rest = name.split("-")
    return first + "".join(map(str.title, rest))


def test_the_other_clouds_are_told_90_days_and_nobody_ran_it() -> None:
    *_, table = commands("az")
    assert options(table)["retention-time"] == options(table)["total-retention-time"] == "90"
    buckets = [words for words in commands("gcloud") if words[:2] == ["logging", "buckets"]]
    assert [options(words)["retention-days"] for words in buckets] == ["90"]
    (sink,) = (words for words in commands("gcloud") if words[:2] == ["logging", "sinks"])
    assert f"/buckets/{buckets[0][3]}" in sink[4], "the sink leads into that bucket"
    for target in ("azure", "google-cloud"):
        plan.prove(line="logs", target=target, how="read", figure="the commands of docs/logs.md")
    said = "docs/logs.md: the cluster's own collector, or deploy/logs beside it"
    plan.prove(line="logs", target="kubernetes", how="read", figure=said)


def test_every_target_has_its_line() -> None:
    rows = re.findall(r"^\| ([a-z-]+) \|", PAGE, re.MULTILINE)
    assert [row for row in rows if row in MACHINES] == list(MACHINES)


def test_the_stand_in_is_told_by_the_policy_alone(elasticsearch: Elasticsearch) -> None:
    policy = json.loads((LOGS / "lifecycle.json").read_text())
    del policy["policy"]["phases"]["delete"]
    elasticsearch.put("/_ilm/policy/maitred-90-days", policy)
    elasticsearch.put("/_index_template/maitred", json.loads((LOGS / "template.json").read_text()))
    for day in range(200):
        elasticsearch.take(STREAM, day)
    assert min(elasticsearch.kept) == 0, "without a phase that deletes, nothing goes"
