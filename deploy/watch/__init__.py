"""What the house is watched with: Prometheus' rules and Grafana's dashboards are made here."""
