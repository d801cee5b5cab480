"""A caller's network as the limits count it: an IPv4 address, or a /64 of IPv6."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from models.core.redis.counters import nameless
from models.core.settings import settings


@lru_cache(maxsize=8192)
def caller_key(address: str) -> str | None:
    """Return the hashed name of an address or its IPv6 /64; None for an exempt address."""
    try:
        found = ip_address(address)
    except ValueError:
        return nameless(network_of(address))
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    exempt = filter(None, map(str.strip, settings().limit_exempt.split(",")))
    if any(found in ip_network(each) for each in exempt):
        return None
    return nameless(network_of(address))


def network_of(address: str) -> str:
    """Return the IPv4 address, or the IPv6 /64: one host usually controls a whole /64."""
    try:
        found = ip_address(address)
    except ValueError:
        return f"address {address[:100]}"
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return f"address {mapped or ip_network((int(found) >> 64 << 64, 64))}"
    return f"address {found}"
