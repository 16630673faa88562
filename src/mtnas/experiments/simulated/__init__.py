"""Studies of tasks that are planted, not measured: one file per study, `base` runs them.

A file has `TITLE`, `SETTINGS` (its columns of results.csv, with their meaning), `METRICS` (what
column `metric` names, with their meaning), `Options` and `unit(options, seed)`, which returns rows;
if it has `shown(options, seed)` too, that adds rows for the first seed.
"""
