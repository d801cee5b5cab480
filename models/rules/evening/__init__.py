"""An evening as a whole: what a host may decide about it, and how it is divided."""
