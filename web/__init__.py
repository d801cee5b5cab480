"""HTTP: the API, the pages, and nothing of the trade."""
