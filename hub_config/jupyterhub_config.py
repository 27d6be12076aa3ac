"""The configuration of the hub, one line for each thing that it sets up. Start it with `campus hub`."""

from hpcampus_hub import configure
from hpcampus_hub.settings import Settings

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - JupyterHub provides it
settings = Settings.from_environment()

configure.hub(c, settings)
configure.tls(c, settings)
configure.servers(c, settings)
configure.pages(c, settings)
configure.exchange(c, settings)
configure.classes(c, settings)
configure.monitoring(c, settings)
configure.demo(c, settings)
