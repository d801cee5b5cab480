"""How Maitred is started, described, checked and shipped."""
