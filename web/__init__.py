"""HTTP: the API and the guest pages. No business rules."""
