"""What the host does at the stand, and what the clock does there."""
