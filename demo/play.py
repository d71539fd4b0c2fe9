"""The merchant's classic job, played by real processes: win back members who spent much and fell asleep."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

from demo.brute_force import attack
from demo.deliveries import read_ids
from demo.figures import duration, size_of
from demo.processes import Actor, CommandError
from demo.reference import (
    Match,
    audience,
    eligible,
    join,
    read_members,
    read_opt_outs,
    read_users,
)
from demo.results import ActivationResult, Process, Results, SizeResult, Table, TypeResult
from demo.retail import ASLEEP_DAYS, Retail, write_members, write_opt_outs, write_users
from demo.scan import scan
from demo.scenario import (
    ACTIVATIONS,
    ANALYST,
    CONTRACT,
    CRACKING_SECONDS,
    DEFINITION,
    EVERYONE,
    KEY,
    LESSONS,
    MEMBERS_CONFIG,
    MERCHANT,
    PLATFORM,
    ROLES,
    SEGMENT,
    USERS_CONFIG,
    clauses_of,
    is_wanted,
    size_noise,
)
from demo.stage import Stage, write_party
from demo.story import Story


class Play:
    """One performance; every step fills in the results."""

    def __init__(self, stage: Stage, retail: Retail, story: Story, results: Results) -> None:
        self._stage = stage
        self._retail = retail
        self._story = story
        self._results = results
        self._folder = stage.folder

    def perform(self) -> None:
        """All of it, in order."""
        step = self._story.step
        with step("Generate both tables", "生成数据"):
            self._generate()
        with step("Start the zone, invite, enrol", "启动融合区"):
            self._set_up()
        with step("Agree on a contract", "签署合约"):
            self._agree()
        with step("Check both tables before anything is sent", "检查数据"):
            self._check()
        with step("Fuse", "融合匹配"):
            self._fuse()
        with step("Segments, and their sizes", "人群与规模"):
            self._segment()
        with step("Try what the contract forbids", "越权请求"):
            self._overreach()
        with step("Activate to both", "激活"):
            self._activate()
        with step("Compare with the plaintext join", "明文对照"):
            self._compare()
        with step("Who learned what", "谁知道了什么"):
            self._who_learned_what()
        with step("Crack a list of hashed phones", "破解哈希名单"):
            self._crack()
        self._results.steps = self._story.steps

    def _generate(self) -> None:
        rows = write_members(self._retail, self._folder / "members.csv")
        users = write_users(self._retail, self._folder / "users.parquet")
        listed = write_opt_outs(self._retail, self._folder / "opt-outs.csv")
        self._results.members, self._results.users = rows, users
        self._story.say(f"members.csv: {rows:,} rows in GB18030, ten spellings of a phone, members entered twice")
        self._story.say(f"users.parquet: {users:,} rows; opt-outs.csv: {listed:,} phones never to be contacted")

    def _set_up(self) -> None:
        stage = self._stage
        stage.make_homes()
        write_party(stage.merchant, MEMBERS_CONFIG)
        write_party(stage.platform, USERS_CONFIG)
        stage.open_zone()
        stage.join()
        self._story.say("four homes with keys of their own; certificates from the zone's authority, mutual TLS 1.3")

    def _agree(self) -> None:
        stage, results = self._stage, self._results
        columns = ("spend_365d", "last_paid", "opted_out")
        cap = 5 * self._retail.users
        identifiers = (f"phone:e164-cn:{cap}", f"email:uid2:{cap}")
        draft = stage.draft(
            CONTRACT,
            *(word for column in columns for word in ("--column", column)),
            *(word for identifier in identifiers for word in ("--identifier", identifier)),
        )
        for language, name in (("en", "English"), ("zh", "中文")):
            results.statement[name] = stage.merchant.text("contract", "statement", str(draft), "--lang", language)
        contract = stage.agree(CONTRACT, draft)
        results.fingerprints = contract["fingerprints"]
        document = stage.merchant.run("contract", "show", CONTRACT)["document"]
        results.clauses = clauses_of(document)
        self._size_noise = size_noise(document)
        self._story.say(results.statement["English"].rstrip())
        self._story.say("")
        for name, fingerprint in results.fingerprints.items():
            self._story.say(f"{name:<12} {fingerprint}")
        self._story.say(
            f"fingerprints equal their owners'; signed by {', '.join(contract['signers'])}; {contract['state']}"
        )

    def _check(self) -> None:
        stage = self._stage
        checks = stage.together(
            (stage.merchant, ("members", "check", CONTRACT)), (stage.platform, ("members", "check", CONTRACT))
        )
        for name, file, report in zip((MERCHANT, PLATFORM), ("members.csv", "users.parquet"), checks, strict=True):
            set_aside = {
                "repeated id": report["duplicate_rows"],
                "without consent": report["without_consent"],
                "without identifier": report["without_identifier"],
                **{f"{type_['type']} shared": type_["shared"] for type_ in report["types"]},
                **{
                    f"{column['name']} {reason}": count
                    for column in report["columns"]
                    for reason, count in column["rejected"].items()
                },
            }
            table = Table(
                party=name,
                file=file,
                rows=report["rows"],
                sent={type_["type"]: type_["values"] for type_ in report["types"]},
                set_aside={reason: count for reason, count in set_aside.items() if count},
            )
            self._results.tables.append(table)
            sent = ", ".join(f"{count:,} {type_}s" for type_, count in table.sent.items())
            self._story.say(
                f"{name}: {table.rows:,} rows, would send {sent}; {sum(table.set_aside.values()):,} set aside"
            )

    def _fuse(self) -> None:
        stage = self._stage
        stage.start(stage.platform, "agent", "run")
        report = stage.merchant.run("fuse", CONTRACT, timeout=86_400)
        noise = report["noise_scale_milli"] / 1000
        self._reported = {one["type"]: (one["matched"], noise) for one in report["matches"]}
        for type_, (count, _) in self._reported.items():
            self._story.say(f"matched on {type_}: {count:,} (noise σ = {noise:.1f})")

    def _segment(self) -> None:
        stage = self._stage
        channels = [word for _, _, channel in ACTIVATIONS for word in ("--channel", channel)]
        for name, definition in ((EVERYONE, "matched"), (SEGMENT, DEFINITION)):
            stage.merchant.run("segment", "create", CONTRACT, name, definition, *channels, "--wait")
        self._results.segment_definition = next(
            segment["definition"]
            for segment in stage.merchant.run("segment", "list", CONTRACT)
            if segment["name"] == SEGMENT
        )
        stage.merchant.run("contract", "delegate", CONTRACT, "--analyst", ANALYST, "--compared")
        self._story.say(f"{SEGMENT}: {self._results.segment_definition}")
        asked = ((stage.analyst, EVERYONE), (stage.analyst, SEGMENT), (stage.platform, SEGMENT))
        self._bands = []
        for asker, segment in asked:
            band = asker.run("size", CONTRACT, segment)
            again = asker.run("size", CONTRACT, segment)
            if (band["at_least"], band["below"]) != (again["at_least"], again["below"]):
                raise RuntimeError(f"{asker.name} got two answers for one size")
            self._bands.append((asker.name, segment, band["at_least"], band["below"]))
            self._story.say(f"{asker.name} asks for the size of {segment}: {_range(band['at_least'], band['below'])}")

    def _overreach(self) -> None:
        stage = self._stage
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
            (stage.analyst, "a size of another contract", ("size", "another-contract", SEGMENT)),
        )
        for actor, what, arguments in attempts:
            try:
                actor.run(*arguments)
            except CommandError as refusal:
                self._results.refused.append(f"{actor.name} asked for {what}: {refusal.message} ({refusal.code})")
                self._story.say(self._results.refused[-1])
            else:
                raise RuntimeError(f"{actor.name} got {what}, which the contract forbids")

    def _activate(self) -> None:
        stage = self._stage
        self._delivered: dict[str, Path] = {}
        for recipient, _, channel in ACTIVATIONS:
            request = (
                "activate",
                CONTRACT,
                SEGMENT,
                "--to",
                recipient,
                "--channel",
                channel,
                "--key",
                f"{KEY}-{recipient}",
            )
            job = stage.merchant.run(*request, "--wait")
            if stage.merchant.run(*request)["id"] != job["id"]:
                raise RuntimeError("the same idempotency key started a second job")
            owner = stage.merchant if recipient == MERCHANT else stage.platform
            self._delivered[recipient] = Path(owner.run("job", "show", CONTRACT, job["id"])["file"])
            file = self._delivered[recipient].relative_to(self._folder)
            self._story.say(f"{recipient}: {file}, {len(read_ids(self._delivered[recipient])):,} of its own ids")

    def _compare(self) -> None:
        results = self._results
        self._members = list(read_members(self._folder / "members.csv", read_opt_outs(self._folder / "opt-outs.csv")))
        self._users = list(read_users(self._folder / "users.parquet"))
        matches = join(eligible(self._members), eligible(self._users))
        asleep_since = self._retail.today - timedelta(days=ASLEEP_DAYS)
        wanted = [match for match in matches if is_wanted(match.member, asleep_since)]
        truth = Counter(match.by for match in matches)
        results.match_report = [
            TypeResult(type=type_, reported=count, noise=noise, truth=truth[type_])
            for type_, (count, noise) in self._reported.items()
        ]
        sizes = {EVERYONE: len(matches), SEGMENT: len(wanted)}
        results.sizes = [
            SizeResult(
                asker=asker, segment=segment, at_least=low, below=high, noise=self._size_noise, truth=sizes[segment]
            )
            for asker, segment, low, high in self._bands
        ]
        reached = audience(wanted, lambda _: True)
        for recipient, domain, channel in ACTIVATIONS:
            results.activations.append(self._held_against(recipient, domain, channel, reached))
        for one in results.match_report:
            self._story.say(f"{one.type}: reported {one.reported:,}, in truth {one.truth:,}")
        for size in results.sizes[:2]:
            self._story.say(f"{size.segment}: {_range(size.at_least, size.below)}, in truth {size.truth:,}")
        for activation in results.activations:
            verdict = "equal" if activation.equal else "DIFFERENT"
            self._story.say(
                f"{activation.recipient}: {activation.delivered:,} ids delivered, {activation.truth:,} in the plaintext"
                f" join, {activation.missing:,} missing, {activation.surplus:,} too many: {verdict}"
            )

    def _held_against(self, recipient: str, domain: str, channel: str, reached: list[Match]) -> ActivationResult:
        ids = read_ids(self._delivered[recipient])
        truth = {match.member.id if recipient == MERCHANT else match.user.id for match in reached}
        return ActivationResult(
            segment=SEGMENT,
            recipient=recipient,
            domain=domain,
            channel=channel,
            file=str(self._delivered[recipient].relative_to(self._folder)),
            delivered=len(ids),
            truth=len(truth),
            missing=len(truth - set(ids)),
            surplus=len(set(ids) - truth),
        )

    def _who_learned_what(self) -> None:
        stage, results = self._stage, self._results
        findings = stage.together(
            (stage.merchant, ("audit", "verify", CONTRACT)), (stage.platform, ("audit", "verify", CONTRACT))
        )
        own, receipts = (sum(one[name] for one in findings) for name in ("own_entries", "receipts"))
        results.audit = (
            f"The zone's history of {findings[0]['zone_entries']:,} entries was checked by both agents against"
            f" {own:,} entries and {receipts:,} signed receipts of their own: they agree."
        )
        results.scan = scan(stage.zone.home, [*self._members, *self._users])
        results.processes = [self._process(stage.merchant), self._process(stage.zone), self._process(stage.platform)]
        results.processes.append(self._process(stage.analyst))
        for process in results.processes:
            self._story.say(f"{process.name:<12} received {size_of(process.received):>10}  learned: {process.learned}")
        self._story.say(results.audit)
        self._story.say(
            f"the zone's {size_of(results.scan.bytes)} on disk hold {results.scan.found:,} of"
            f" {results.scan.identifiers:,} identifiers, plain or hashed"
        )

    def _process(self, actor: Actor) -> Process:
        learned, not_learned = LESSONS[actor.name]
        meters = self._stage.meters
        received = meters[actor.name].received if actor.name in meters else sum(one.sent for one in meters.values())
        sent = meters[actor.name].sent if actor.name in meters else sum(one.received for one in meters.values())
        daemon = self._stage.daemons.get(actor.name)
        return Process(
            name=actor.name,
            role=ROLES[actor.name],
            received=received,
            sent=sent,
            peak=max(actor.peak_bytes, daemon.measure() if daemon else 0),
            learned=learned,
            not_learned=not_learned,
        )

    def _crack(self) -> None:
        phones = {int(member.phone) for member in self._members if member.phone}
        found = self._results.brute_force = attack(phones, seconds=CRACKING_SECONDS)
        self._story.say(
            f"{found.tried:,} numbers tried in {found.seconds:.1f} s: {found.recovered:,} of the {found.expected:,}"
            f" members among them found, of {found.listed:,} in the list"
        )
        self._story.say(
            f"all 10,000,000,000 numbers: {duration(found.seconds_for_all)} here in Python,"
            f" {duration(found.seconds_on_a_graphics_card)} on one graphics card (published rate)"
        )


def _range(at_least: int, below: int | None) -> str:
    if below is None:
        return f"{at_least:,} or more"
    return f"{at_least:,} to {below - 1:,}" if at_least else f"below {below:,}"
