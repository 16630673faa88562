"""From rows of text to rows of ids: hashing, splitting, storing."""
