"""Values to text: YAML, JSON, names, tables. Pure; ``cli`` writes what comes out."""
