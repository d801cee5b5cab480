"""Where a caller comes from, as the limits count it: an IPv4 address, or 64 bits of IPv6."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from models.core.redis.counters import nameless
from models.core.settings import settings


@lru_cache(maxsize=8192)
def who_of(address: str) -> str | None:
    """The name of an address (of an IPv6 network of 64 bits); None for an exempt one."""
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
    """An IPv4 address, or the IPv6 network of 64 bits: whoever has one of it has all of it."""
    try:
        found = ip_address(address)
    except ValueError:
        return f"address {address[:100]}"
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return f"address {mapped or ip_network((int(found) >> 64 << 64, 64))}"
    return f"address {found}"
