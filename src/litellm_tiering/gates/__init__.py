"""Gates: each looks at an answer and says whether it may be served."""
