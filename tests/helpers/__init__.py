"""Small data and checks that tests of this project, and of methods added to it, can import."""
