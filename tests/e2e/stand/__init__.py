"""The host stand in a browser: one act each."""
