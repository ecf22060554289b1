"""The rehearsal of a launch: a crowd that talks HTTP only, and what it found."""
