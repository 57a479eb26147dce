"""A long random conversation of several clients with one server, checked against a model."""
