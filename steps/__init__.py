"""One module a stage, named as its MLproject entry point."""
