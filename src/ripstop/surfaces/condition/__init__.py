"""How an installation is: what there is to see of it, as sentences that say what is wrong and how to mend it."""
