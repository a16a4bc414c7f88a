"""Parts of a benchmark that run in processes of their own, or fill a database."""
