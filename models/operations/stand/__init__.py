"""Operations at the stand: by the host, and by the clock."""
