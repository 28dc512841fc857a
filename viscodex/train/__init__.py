"""Training: supervised fine-tuning of a checkpoint, and the pre-training of a text-only language model.

in:  a TrainRecipe (recipe.py)
out: run.train: a run folder with checkpoints, metrics, pages and the finished model
not covered: the data (viscodex/data), the merge before it (viscodex/merge), running what a model writes
"""
