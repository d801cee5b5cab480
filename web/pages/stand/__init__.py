"""The host stand: the pages on which the staff run an evening."""
