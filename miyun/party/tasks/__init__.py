"""What an agent does for each kind of task. Work comes from the guard, and from nowhere else."""
