"""The configuration: option classes, their schema, one checked object."""
