"""What the tests of whole programs share: servers, client programs, waiting."""
