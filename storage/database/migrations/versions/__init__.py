"""One file per version of the catalog, in Alembic's form; each changes what the one before left."""
