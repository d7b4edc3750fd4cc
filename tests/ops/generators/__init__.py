"""How calls of each family of ops are drawn."""
