"""Tests of monitoring: metrics, alerts, dashboards, logs, traces."""
