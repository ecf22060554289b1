"""What links lead to: pages are looked at once, and posts show of them what they say of themselves."""
