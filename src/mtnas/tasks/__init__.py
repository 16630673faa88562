"""What labels are: how an output is trained, scored and read."""
