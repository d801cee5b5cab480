"""Fail-over between a primary and its replica, as in another region, and fail-back."""
