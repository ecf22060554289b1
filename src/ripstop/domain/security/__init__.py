"""Second factors: what proves beside a password, or in its place, who somebody is."""
