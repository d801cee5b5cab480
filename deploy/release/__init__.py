"""Putting another version in place on one machine, behind nginx, while guests go on asking.

A version is a folder: a checkout with its `.venv`. It runs in one of two slots, `blue` and
`green`: a web process on the slot's socket, the workers and the clock, all below one keeper. nginx
sends each of four shares of the callers to the slot that a link names
(deploy/nginx/maitred/upstreams.conf), so traffic is turned by renaming links, and no line is
broken. Every step is written down when it is done: what was interrupted goes on where it stood, and
what fails goes back.
"""
