"""Another region: a primary and its replica, failover and return."""
