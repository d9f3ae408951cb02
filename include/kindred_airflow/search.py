"""`make search`: the search page on this machine, without Airflow, until Ctrl-C; with TEXT, a table on the console."""

import os

from kindred.runtime import runs
from kindred.serving import champion, search_command
from kindred_airflow import command, signals
from kindred_airflow.serve import free_port

ENDING_SECONDS = 5  # for the answers that are under way when it is asked to end


def main() -> int:
    """Serve the run RUN, or without it the one that was promoted; with TEXT, show what is found by these words, in
    the MODE exact or approximate.
    """
    name = os.environ.get("RUN")
    if text := os.environ.get("TEXT"):
        options = {"run": name, "mode": os.environ.get("MODE")}
        search_command.main([f"--text={text}", *(f"--{option}={value}" for option, value in options.items() if value)])
        return 0
    port = free_port("SEARCH_PORT", 8090)
    print(f"  opens the search index of {name or 'the promoted run'}", flush=True)
    import uvicorn
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from kindred.serving.page.app import application
    from kindred.serving.page.slow_clients import BACKLOG, GuardedProtocol

    if name:
        bundle = champion.bundle_of_run(runs.find_run(name))
        app = application(lambda: bundle)
    else:
        follower = champion.ChampionFollower()
        follower.current()
        app = application(follower.current, lambda: follower.problem)
    hosts = ["127.0.0.1", "localhost"]  # a page of another site cannot read the answers
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)
    print(f"  Search   http://127.0.0.1:{port}   open this address in a browser\nCtrl-C ends it.", flush=True)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="warning", http=GuardedProtocol, backlog=BACKLOG
    )
    config.timeout_graceful_shutdown = ENDING_SECONDS
    server = uvicorn.Server(config)
    with signals.handed_on(lambda: setattr(server, "should_exit", True)):
        server.run()
    return 0


if __name__ == "__main__":
    command.exit_with(main)
