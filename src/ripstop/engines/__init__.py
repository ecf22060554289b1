"""Where bytes rest. `base` is the protocol; the engines themselves are named nowhere above but in boot."""
