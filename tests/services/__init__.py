"""Real servers and processes for the tests: started on free ports in temp folders, ended by pid."""
