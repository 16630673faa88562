"""The configuration: classes of options, the schema made from them, one checked `Study`."""
