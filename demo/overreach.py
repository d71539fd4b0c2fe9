"""What the contract forbids, tried: every attempt must be refused."""

from functools import partial

from demo.processes import Actor, CommandError
from demo.results import Results
from demo.scenario import CONTRACT, MERCHANT, SEGMENT
from demo.stage import Stage
from demo.story import Story


def overreach(stage: Stage, analyst: Actor, story: Story, results: Results) -> None:
    """Try it all.

    Raises:
        RuntimeError: an attempt succeeded.
    """
    attempts = (
        (
            stage.platform,
            "a segment by the members' tier",
            ("segment", "create", CONTRACT, "rich", "members.tier = '黑金'"),
        ),
        (
            stage.merchant,
            "its own audience through the platform's channel",
            ("activate", CONTRACT, SEGMENT, "--to", MERCHANT, "--channel", "platform-ads"),
        ),
        (
            stage.merchant,
            "a portrait by a sensitive tag",
            ("insight", "portrait", CONTRACT, "--segment", SEGMENT, "--tag", "insomnia", "--rho", "5000"),
        ),
        (analyst, "a size of another contract", ("size", "another-contract", SEGMENT)),
    )
    refusals = stage.together(*(partial(_refusal, actor, arguments) for actor, _, arguments in attempts))
    for (actor, what, _), refusal in zip(attempts, refusals, strict=True):
        results.refused.append(f"{actor.name} asked for {what}. {refusal}")
        story.say(results.refused[-1])


def _refusal(actor: Actor, arguments: tuple[str, ...]) -> str:
    try:
        actor.run(*arguments)
    except CommandError as refusal:
        return f"Refused: {refusal.message} ({refusal.code})."
    raise RuntimeError(f"{actor.name} was allowed what the contract forbids: miyun {' '.join(arguments)}")
