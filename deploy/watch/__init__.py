"""Monitoring: generates Prometheus' rules and Grafana's dashboards."""
