"""From a backup to a running installation."""
