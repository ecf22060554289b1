"""The launch rehearsal: a crowd that signs up, follows, posts, likes and reads, and then checks every effect.

It speaks HTTP only, to a server on this machine only, and keeps a ledger of all that the server acknowledged.

- `crowd.Crowd(url, plan).run()` makes the traffic that a `Plan` describes and returns an `Outcome` with its `Ledger`.
- `verify.verify(url, ledger)` holds the server to the ledger and returns a `Verdict`.

Nothing is imported here, since the command `rehearse` lies in the memory of every server.
"""
