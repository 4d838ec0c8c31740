"""reprun: run a project from its git URL, locked, typed and recorded."""
