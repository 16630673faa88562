"""Datasets that a YAML file describes: its keys, its rules, its files, its columns."""
