"""What the world touches: parse, ask the domain, present. No rules and no storage."""
