"""New time zone rules."""
