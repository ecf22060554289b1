"""Pages for people: complete without JavaScript, better with it."""
