"""The pages a guest sees."""
