"""`python -m cluster COMMAND`. A new command is one function here; it imports what it needs when it is called."""

from typing import Annotated

import typer

from cluster.errors import SetupError
from cluster.progress import Stages, note, note_times

INTERRUPTED = 130

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="The cluster on this machine: tools, images, up, down.",
    pretty_exceptions_enable=False,
)  # fmt: skip


@app.command()
def up(
    image: Annotated[bool, typer.Option("--image", help="Build the controller's image beside the compiler.")] = False,
) -> None:
    """Make the cluster, or find it healthy. The kubeconfig context is kind-evalcampaign."""
    from cluster import lifecycle
    from cluster.deployment import image as controller

    lifecycle.up(*([controller.ensure_built] if image else []))
    note_times()


@app.command()
def down() -> None:
    """Remove the cluster, and stop the Docker engine if we started it."""
    from cluster import lifecycle

    lifecycle.down()


@app.command()
def tools(group: Annotated[str, typer.Option(help="cluster, tests or all")] = "tests") -> None:
    """Build the pinned programs of a group into the cache, and print where they are."""
    from cluster import tools as pinned

    if group not in pinned.GROUPS:
        raise SetupError(f"there is no group {group}.", hint=f"use one of {', '.join(pinned.GROUPS)}.")
    pinned.ensure(group, Stages(len(pinned.missing(group))))
    for tool in pinned.GROUPS[group]:
        typer.echo(tool.path)


@app.command()
def browser() -> None:
    """Have a Chromium for the tests of the report, and print where it is."""
    from cluster import browser as chromium

    typer.echo(chromium.ensure() or "none")


@app.command()
def image(tag: Annotated[str, typer.Option(help="tag of evalcampaign/controller")] = "dev") -> None:
    """Build the controller's image and load it into the cluster, when something changed."""
    from cluster.deployment import image as controller

    controller.ensure(tag)


@app.command()
def deploy(
    subjects: Annotated[list[str] | None, typer.Argument(help="what may be broken; unsaid: all")] = None,
) -> None:
    """Put the resource definition, the controller and the systems to be broken into the cluster."""
    from cluster.deployment import deploy as deployment
    from cluster.deployment.subjects import SUBJECTS

    deployment.deploy(subjects or SUBJECTS)


@app.command()
def deploy_subject(name: Annotated[str, typer.Argument(help="tikv or etcd")]) -> None:
    """Put only a system to be broken into the cluster, with the controller's permissions over it."""
    from cluster.deployment import deploy as deployment

    deployment.deploy_subject(name)


@app.command()
def deploy_agent(
    policy: Annotated[str, typer.Argument(help="fixer, watcher, liar, sleeper, jumpy or wrecker")] = "fixer",
    of: Annotated[str, typer.Option(help="tikv, etcd, or operator-db: a tikv, told of by a file")] = "tikv",
) -> None:
    """Put the scripted agent into the cluster; campaigns start and end it."""
    from cluster.deployment import agent

    agent.deploy(policy, of)


@app.command()
def undeploy(
    discard_records: Annotated[bool, typer.Option("--discard-records", help="Keep no copy of the records.")] = False,
) -> None:
    """Delete the campaigns, then take controller, subjects and resource definition out again."""
    from cluster.deployment import deploy as deployment

    deployment.undeploy(keep_records=not discard_records)


@app.command()
def demo(subject: Annotated[str, typer.Argument(help="tikv or etcd")] = "tikv") -> None:
    """From nothing to finished campaigns, and what they found."""
    from cluster.demonstration import demo as demonstration

    demonstration.demo(subject)


def main() -> None:
    """Run the command line; a SetupError becomes a message and exit status 1."""
    try:
        app()
    except SetupError as error:
        note(f"\n{error}")
        raise SystemExit(1) from None
    except SystemExit as ended:
        # Typer makes an exit of Ctrl-C before it comes here. A command that did so itself has had its own words.
        if ended.code == INTERRUPTED and not isinstance(ended.__context__, KeyboardInterrupt):
            note("Stopped. What was finished is kept; run it again to go on.")
        raise


if __name__ == "__main__":
    main()
