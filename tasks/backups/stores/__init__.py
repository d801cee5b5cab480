"""Storage of backups: stores, encryption, verification, copies."""
