"""The running house, from outside: browser, API and mailbox together."""
