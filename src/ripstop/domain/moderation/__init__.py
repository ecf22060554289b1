"""What the staff of a server does about accounts and posts, and what it leaves in the audit log."""
