"""Nouns that stages share. A noun is imported by stages and never imports one."""
