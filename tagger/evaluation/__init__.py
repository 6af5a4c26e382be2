"""How good the answers are: figures, tables, predictions to score."""
