"""The tests: rules and plumbing alone, then the real servers and processes."""
