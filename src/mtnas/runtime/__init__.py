"""What every job needs: errors, files, options, seeds, signals, provenance, plug-ins."""
