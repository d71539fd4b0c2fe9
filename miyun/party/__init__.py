"""A party's process: its agent, its stores, and the Python API that the command line is a layer over."""
