"""What the jobs compute: search, train, tune, train every route."""
