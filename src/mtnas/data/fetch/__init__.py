"""Raw data: fetched from mirrors or placed by hand, checked, pinned, unpacked."""
