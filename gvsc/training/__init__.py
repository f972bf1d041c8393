"""How the committed weights were made: data by package name, training, export."""
