"""How systemd runs Maitred on a machine: the units, and what they want around them."""
