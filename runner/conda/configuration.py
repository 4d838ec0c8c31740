"""Stand-in."""
from msgspec import Struct
class Configuration(Struct, frozen=True):
    channel_priority: str = "flexible"
def read(environ, home): return Configuration()
