"""A trained model as a folder that works without the workflow; new rows scored by it."""
