"""Images and containers of the rehearsal."""
