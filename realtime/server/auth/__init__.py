"""Who makes a call: admin keys, tokens of users, and the keys that they are checked with."""
