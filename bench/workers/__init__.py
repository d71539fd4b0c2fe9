"""What runs in processes of its own: one script per contestant, each in the environment that its case names.

They speak :mod:`bench.workers.channel` with the runner and import nothing else of this repository, but Miyun's own.
"""
