"""Clock, ids, errors, configuration, logging, metrics. Imports nothing of Ripstop's own."""
