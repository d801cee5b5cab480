"""Real servers and processes for the tests: on free ports, in temp folders, ended by pid."""
