"""Programs that an app of `realtime` is part of, as users write them."""
