"""The value system: encoding, order, ids, validators and annotations."""
