"""Which messages are sent to whom, when, and what a failure means."""
