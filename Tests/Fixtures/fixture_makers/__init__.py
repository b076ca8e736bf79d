"""One module for each family of fixtures; make_fixtures.py calls them."""
