"""How tables and figures are set: cells, files, style, drawings, HTML."""
