"""What each task does, one folder or module for each noun; works and is tested without Invoke."""
