"""Which tasks should share: measures of them, what they gain, which measure told, what to do."""
