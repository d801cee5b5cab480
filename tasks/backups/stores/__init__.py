"""Where backups are kept: stores, encryption, verification, copies."""
