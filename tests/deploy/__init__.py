"""How the house is run: `make up`, the clock, the containers, the settings named."""
