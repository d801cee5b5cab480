"""Operations that write. Each takes a session as its first argument and never commits."""
