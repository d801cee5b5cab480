"""Tests of models.core: databases, secrets, logs, metrics, signals."""
