"""The clock: one leader that only ever enqueues."""
