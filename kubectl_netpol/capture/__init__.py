"""Runs on the laptop: takes agents' records in, attributes them and keeps them. Fed by agents, feeds the cache."""
