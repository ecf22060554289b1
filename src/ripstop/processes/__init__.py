"""The processes of a server: one that supervises, and those that it forks for HTTP, functions and heavy work.

Below boot, which says what they run, and above everything that they run, of which nothing here knows more than how
to start and stop it.
"""
