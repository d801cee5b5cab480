"""`maitred demo`: an evening of made-up guests against a running installation."""
