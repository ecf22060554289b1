"""Who is here: accounts and their profiles, credentials, applications, tokens."""
