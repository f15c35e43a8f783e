"""What each page says, as JSON: one module a page. A page is a view of its facts and of nothing else."""
