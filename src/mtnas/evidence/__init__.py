"""What was measured, and what may be said from it: records, statistics, claims."""
