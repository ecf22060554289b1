"""What the product means: one package per noun, each with model, access, actions, queries and functions."""
