"""How an app's functions are loaded, run, cached and scheduled."""
