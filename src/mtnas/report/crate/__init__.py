"""A finished study as a Workflow Run RO-Crate: its files, and what made each, for other programs.

Profiles: https://w3id.org/ro/wfrun/workflow/0.5 and those it builds on. Needs `mtnas[crate]`.
"""
