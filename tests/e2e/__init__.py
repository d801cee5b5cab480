"""End-to-end tests of a running installation: browser, API and mailbox together."""
