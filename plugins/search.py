"""The search in Airflow's navigation, for those only who are logged in."""

import functools
from typing import Any

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/image-search"


@functools.cache
def application() -> Any:
    """The app of the search, each of its routes behind Airflow's login."""
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
    from airflow.api_fastapi.core_api.security import requires_access_view
    from fastapi import Depends

    from kindred.serving import champion
    from kindred.serving.page.app import application

    follower = champion.ChampionFollower()
    guards = [Depends(requires_access_view(AccessView.PLUGINS))]
    return application(follower.current, lambda: follower.problem, guards)


async def on_demand(scope: Any, receive: Any, send: Any) -> None:
    """The app, made at the first request: every process of Airflow loads this file, and few serve it."""
    await application()(scope, receive, send)


class Search(AirflowPlugin):
    """Mounts the app and shows it."""

    name = "kindred_search"
    fastapi_apps = [{"app": on_demand, "url_prefix": PREFIX, "name": "Kindred search"}]
    external_views = [
        {"name": "Search", "href": f"{PREFIX}/", "destination": "nav", "url_route": "image-search"},
    ]
