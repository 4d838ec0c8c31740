"""The manifest stage: reads an MLproject file, checks it, binds parameters, renders a command."""
