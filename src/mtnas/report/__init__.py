"""From records to tables, figures and one HTML report. Never imports torch or Snakemake."""
