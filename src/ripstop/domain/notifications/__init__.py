"""What happened to a person: follows, likes, reposts, mentions. Listens to events of others, and nobody knows it."""
