"""A campaign of disturbances in the smallest study: what is lost comes back, to the last bit."""
