"""Text: sentences with a label in files, and encoders that make features of sentences."""
