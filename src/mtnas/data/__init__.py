"""From raw files to one prepared table: sources, fetching, simulating, preparing."""
