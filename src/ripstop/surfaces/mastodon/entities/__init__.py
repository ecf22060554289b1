"""What the endpoints answer, as types: for the description at /openapi.json, and for the tests that hold answers to it.

Nothing here takes part in answering: presenters join bytes, and no key is looked at twice on the way out.
"""
