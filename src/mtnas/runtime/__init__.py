"""What every job stands on: errors, files, seeds, signals, provenance, the seam to Snakemake."""
