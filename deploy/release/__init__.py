"""Zero-downtime releases on one machine, behind nginx.

A version is a folder: a checkout with its `.venv`. It runs in one of two slots, `blue` and `green`.
A slot has a web process on its own socket, the workers and the scheduler, supervised by systemd or
by a keeper (RELEASE_BY). nginx sends each of four shares of the callers to the slot that a symbolic
link names (deploy/nginx/maitred/upstreams.conf), so traffic is switched by renaming links, and no
connection is broken. Every completed step is recorded: an interrupted release resumes where it
stopped, and a failed one is rolled back.
"""
