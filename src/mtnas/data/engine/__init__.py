"""The engine under the data: files opened as tables, and SQL expressions over their columns.

It knows nothing of datasets. DuckDB reads and computes; what it cannot do is a few lines here.
"""
