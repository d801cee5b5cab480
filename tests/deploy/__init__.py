"""Tests of deployment: `make up`, the scheduler, the containers, the documented settings."""
