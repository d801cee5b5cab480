"""The AnalysisTemplate's queries for judging a canary, evaluated by Prometheus' own promtool."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.kubernetes.test_kubernetes import K8S
from tests.services import plan
from tests.services.missing import require_program
from web.app import create_app
from web.metrics import requests as metrics

TEMPLATE: dict[str, Any] = yaml.safe_load(
    (K8S / "components" / "argo" / "analysis.yaml").read_text(encoding="utf-8")
)
METRICS: dict[str, dict[str, Any]] = {each["name"]: each for each in TEMPLATE["spec"]["metrics"]}
ARGS = {"hash": "new", "stable": "old", "namespace": "maitred-production", "least": "50"}
LOOK = "/api/v1/restaurants/<slug:slug>/availability"
#: (pods, route, status) -> requests a minute, and seconds for each read.
Traffic = dict[tuple[str, str, str], tuple[int, float]]


def _query(name: str) -> str:
    query: str = METRICS[name]["provider"]["prometheus"]["query"]
    for arg, value in ARGS.items():
        query = query.replace("{{args." + arg + "}}", value)
    assert "{{" not in query
    return query


def _series(traffic: Traffic, namespace: str) -> list[dict[str, str]]:
    found = []
    for (pods, route, status), (count, seconds) in traffic.items():
        labels = f'namespace="{namespace}",rollouts_pod_template_hash="{pods}",route="{route}"'
        labels += ',method="GET"'
        values = f"0+{count}x20"
        total = f'maitred_http_requests_total{{{labels},status="{status}"}}'
        found.append({"series": total, "values": values})
        if status == "200":
            name = "maitred_http_request_seconds"
            found.append({"series": f"{name}_count{{{labels}}}", "values": values})
            for bound in (0.1, 0.5, 2.5):
                inside = values if seconds <= bound else "0+0x20"
                series = f'{name}_bucket{{{labels},le="{bound}"}}'
                found.append({"series": series, "values": inside})
            found.append({"series": f'{name}_bucket{{{labels},le="+Inf"}}', "values": values})
    return found


def _verdict(folder: Path, name: str, traffic: Traffic, other: Traffic | None = None) -> float:
    """Return the query's result for this traffic; `other` is in another namespace."""
    series = _series(traffic, ARGS["namespace"]) + _series(other or {}, "maitred-staging")
    for value in (-1, 0, 1, 2):
        case = {"expr": _query(name), "eval_time": "15m"}
        case["exp_samples"] = [{"labels": "{}", "value": value}]  # type: ignore[assignment]
        test = {"interval": "1m", "input_series": series, "promql_expr_test": [case]}
        path = folder / f"{name}.yml"
        path.write_text(yaml.safe_dump({"tests": [test]}))
        argv = [require_program("promtool"), "test", "rules", str(path)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode == 0:
            return value
    raise AssertionError(done.stdout + done.stderr)


OLD: Traffic = {("old", LOOK, "200"): (600, 0.05)}
WELL: Traffic = OLD | {("new", LOOK, "200"): (60, 0.05)}
PROBES: Traffic = {("new", "/healthz", "200"): (600, 0.05), ("new", "/metrics", "500"): (60, 0.05)}


def _errors(share: int) -> Traffic:
    return WELL | {("new", LOOK, "500"): (share, 0.05)}


@pytest.mark.parametrize(
    ("traffic", "errors", "latency"),
    [
        pytest.param(WELL, 0, 0, id="well"),
        pytest.param(OLD, -1, -1, id="nobody came"),
        pytest.param(OLD | PROBES, -1, -1, id="probes alone are nobody"),
        pytest.param(WELL | PROBES, 0, 0, id="what probes get is no verdict"),
        pytest.param(_errors(6), 2, 0, id="errors"),
        pytest.param(
            _errors(6) | {("old", LOOK, "500"): (60, 0.05)}, 0, 0, id="as many errors as before"
        ),
        pytest.param(
            OLD | {("new", LOOK, "200"): (1, 0.05), ("new", LOOK, "500"): (1, 0.05)}, 1, -1,
            id="few, and all bad",
        ),
        pytest.param(OLD | {("new", LOOK, "200"): (60, 1.0)}, 0, 2, id="slow"),
        pytest.param(
            {("old", LOOK, "200"): (600, 1.0), ("new", LOOK, "200"): (60, 1.0)}, 0, 0,
            id="as slow as the old one",
        ),
    ],
)  # fmt: skip
def test_a_canary_is_judged_by_guests_beside_the_old_version(
    traffic: Traffic, errors: int, latency: int, tmp_path: Path
) -> None:
    # traffic in another namespace must not matter
    other: Traffic = {("new", LOOK, "500"): (600, 1.0), ("old", LOOK, "200"): (1, 1.0)}
    assert _verdict(tmp_path, "errors", traffic, other) == errors
    assert _verdict(tmp_path, "latency", traffic, other) == latency
    plan.prove(
        line="canary", target="kubernetes", how="rehearsed", figure="its queries asked by promtool"
    )


def test_well_worse_and_too_few_are_told_apart() -> None:
    for each in METRICS.values():
        assert each["successCondition"] == "result[0] == 0"
        assert each["failureCondition"] == "result[0] > 0"
        assert each["inconclusiveLimit"] >= each["count"]
        assert each["provider"]["prometheus"]["address"] == "{{args.prometheus}}"


def test_a_canary_is_judged_by_figures_that_there_are() -> None:
    asked = set(re.findall(r"maitred_\w+", " ".join(_query(name) for name in METRICS)))
    metrics.count("GET", "/", 200, since=metrics.clock())
    told = metrics.exposition().decode()
    assert asked == {
        "maitred_http_requests_total",
        "maitred_http_request_seconds_count",
        "maitred_http_request_seconds_bucket",
    }
    assert all(f"{name}{{" in told for name in asked), asked


@pytest.mark.usefixtures("db")
def test_the_routes_that_count_are_guests_routes() -> None:
    (wanted,) = set(re.findall(r'route=~"([^"]+)"', " ".join(_query(name) for name in METRICS)))
    rules = {rule.rule for rule in create_app().url_map.iter_rules()}
    counted = {rule for rule in rules if re.fullmatch(wanted, rule)}
    assert {"/book/<slug:slug>", "/manage/<token>", LOOK} <= counted
    assert "/api/v1/restaurants/<slug:slug>/reservations" in counted
    others = ("/healthz", "/readyz", "/metrics", "/static", "/status", "/docs", "/api/v1/auth")
    assert [rule for rule in counted if rule.startswith(others) or "events" in rule] == []
