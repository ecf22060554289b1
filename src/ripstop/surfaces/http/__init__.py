"""Shared plumbing of all HTTP surfaces: routes, requests and responses, auth, errors, limits, admission control."""
