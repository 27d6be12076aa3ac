"""nbgrader's exchange over HTTP: the plug-ins that its panels, its formgrader and its commands use."""
