"""Stand-in."""
import contextlib
from runner.errors import IndexUnreachable
@contextlib.contextmanager
def quiet(): yield
def gateway(configuration, logins, *, settings):
    import rattler
    return rattler.Gateway(cache_dir=settings.cache/"conda"/"index")
def unreachable(error, channels): return IndexUnreachable(str(error))
def fetcher(files, origin):
    from runner.conda.packages import Fetcher
    import rattler
    return Fetcher(rattler.Client.default_client, lambda e,u: IndexUnreachable(f"{u}: {e}"))
