"""A rule package such as a project may have, for the tests of the linter."""
