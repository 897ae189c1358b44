"""Prometheus and Grafana ask for what the history service has."""

import json
import re

from tools import ROOT, run_tool

from history_service.metrics import Metrics

MONITORING = ROOT / "docker" / "monitoring"
METRIC = re.compile(
    r"\b((?:http|model|predictions)_[a-z_]*[a-z]|(?:unknown_)?predictions_total)\b(?=\{)"
)


def exposed() -> set[str]:
    """Every name that /metrics may have."""
    kinds = [metric for metric in vars(Metrics()).values() if hasattr(metric, "describe")]
    names = set()
    for metric in kinds:
        for family in metric.describe():
            suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
            names |= {family.name + end for end in suffixes.get(family.type, [""])}
    return names


def test_the_dashboard_asks_for_metrics_that_there_are():
    dashboard = json.loads((MONITORING / "grafana/dashboards/history.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in METRIC.findall(target["expr"])
    }

    assert asked
    assert asked <= exposed()


def test_alerts_ask_for_metrics_that_there_are():
    asked = set(METRIC.findall((MONITORING / "alerts.yml").read_text()))

    assert asked
    assert asked <= exposed()


def test_prometheus_takes_its_files():
    run_tool("promtool", "check", "config", MONITORING / "prometheus.yml")
    run_tool("promtool", "check", "rules", MONITORING / "alerts.yml")
