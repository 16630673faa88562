"""The libraries people would use instead, each on the same work."""
