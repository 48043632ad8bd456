"""Facets: apps that a node serves under an id of their own."""
