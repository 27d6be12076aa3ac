"""What breaks underneath a campus; a package, so that its campuses end with it and not with the whole run."""
