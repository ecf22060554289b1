"""Direct posts, as those who take part in them see them: one conversation for each person and thread."""
