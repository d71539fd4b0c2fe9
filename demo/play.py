"""The merchant's classic job, played by real processes: win back members who spent much and fell asleep."""

from functools import partial
from itertools import groupby

from demo.brute_force import attack
from demo.deliveries import read_ids
from demo.figures import duration, size_of
from demo.judge import Judge, Performance, in_words
from demo.ledger import in_rho, read_ledger
from demo.overreach import overreach
from demo.processes import Actor
from demo.questions import questions
from demo.results import LeakageLine, Process, Results, Table
from demo.retail import Retail, write_members, write_opt_outs, write_users
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
    size_noise,
)
from demo.stage import Stage, write_party
from demo.story import Story
from demo.tags import write_catalogue, write_tags
from miyun.kernels import kernels

LEAKAGE_FIELDS = ("name", "learns", "when", "clause", "loud")


class Play:
    """One performance; every step fills in the results."""

    def __init__(self, stage: Stage, retail: Retail, story: Story, results: Results) -> None:
        self._stage = stage
        self._retail = retail
        self._story = story
        self._results = results
        self._folder = stage.folder
        self._performance = Performance()

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
            overreach(self._stage, self._analyst, self._story, self._results)
        for question in self._questions:
            with step(question.title, question.chinese):
                question.ask()
        with step("Activate to both", "激活"):
            self._activate()
        with step("Compare with the plaintext join", "明文对照"):
            self._compare()
        with step("Who learned what", "谁知道了什么"):
            self._who_learned_what()
        with step("Crack a list of hashed phones", "破解哈希名单"):
            self._crack()

    def _generate(self) -> None:
        rows = write_members(self._retail, self._folder / "members.csv")
        users = write_users(self._retail, self._folder / "users.parquet")
        listed = write_opt_outs(self._retail, self._folder / "opt-outs.csv")
        tags = write_catalogue(self._folder / "catalogue.csv")
        pairs = write_tags(self._retail, self._folder / "tags.parquet")
        self._results.members, self._results.users = rows, users
        self._questions = questions(self._stage, self._story, self._results, self._retail)
        self._story.say(f"members.csv: {rows:,} rows in GB18030, ten spellings of a phone, members entered twice")
        self._story.say(f"users.parquet: {users:,} rows; opt-outs.csv: {listed:,} phones never to be contacted")
        self._story.say(f"tags.parquet: {pairs:,} pairs of a user and a tag; catalogue.csv: {tags} tags and options")

    def _set_up(self) -> None:
        stage = self._stage
        stage.make_homes()
        write_party(stage.merchant, MEMBERS_CONFIG)
        write_party(stage.platform, USERS_CONFIG)
        stage.open_zone()
        stage.join()
        stage.start_agents()
        self._hiring = stage.soon(partial(stage.hire_analyst, ANALYST))
        self._story.say("four homes with keys of their own; certificates from the zone's authority, mutual TLS 1.3")
        self._story.say(f"all of them compute with these kernels: {kernels().words}")
        if not kernels().native:
            self._story.say(
                "without native kernels it takes a fiftieth of a second to encrypt a row: "
                + ("no more than a portrait is asked" if self._questions else "no portrait is asked; ROWS=2000 does it")
            )

    def _agree(self) -> None:
        stage, results = self._stage, self._results
        columns = ("spend_365d", "last_paid", "opted_out")
        cap = 5 * self._retail.users
        identifiers = (f"phone:e164-cn:{cap}", f"email:uid2:{cap}")
        draft, document = stage.draft(
            CONTRACT,
            *("--insight", "tags", "--lookalikes", *(word for column in columns for word in ("--column", column))),
            *(word for identifier in identifiers for word in ("--identifier", identifier)),
        )
        statements = stage.together(
            *(
                partial(stage.merchant.run, "contract", "statement", str(draft), "--lang", language)
                for language in ("en", "zh")
            )
        )
        results.statement = {
            name: [LeakageLine(**{field: line[field] for field in LEAKAGE_FIELDS}) for line in statement["lines"]]
            for name, statement in zip(("English", "中文"), statements, strict=True)
        }
        contract = stage.agree(CONTRACT, draft)
        results.fingerprints = contract["fingerprints"]
        results.clauses = clauses_of(document)
        self._budget = document["budget"]
        self._performance.size_noise = size_noise(document)
        lines = results.statement["English"]
        self._story.say(f"the leakage statement has {len(lines)} lines (all are in the report); the loudest of them:")
        for name, group in groupby((line for line in lines if line.loud), key=lambda line: line.name):
            self._story.say(f"{name}:")
            for line in group:
                self._story.say(f"  ! {line.learns}")
        for name, fingerprint in results.fingerprints.items():
            self._story.say(f"{name:<12} {fingerprint}")
        self._story.say(
            f"fingerprints equal their owners'; signed by {', '.join(contract['signers'])}; {contract['state']}"
        )

    def _check(self) -> None:
        stage = self._stage
        checks = stage.together(
            *(partial(party.run, "members", "check", CONTRACT) for party in (stage.merchant, stage.platform))
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
        report = stage.merchant.run("fuse", CONTRACT, timeout=86_400)
        self._results.charge("match report", self._budget["match_report_rho_micro"])
        if self._questions:
            stage.soon(partial(stage.merchant.run, "insight", "key", CONTRACT))
        noise = report["noise_scale_milli"] / 1000
        self._performance.reported = {one["type"]: (one["matched"], noise) for one in report["matches"]}
        for type_, (count, _) in self._performance.reported.items():
            self._story.say(f"matched on {type_}: {count:,} (noise σ = {noise:.1f})")

    def _segment(self) -> None:
        stage = self._stage
        self._analyst = self._hiring.result()
        channels = [word for _, _, channel in ACTIVATIONS for word in ("--channel", channel)]
        create = partial(stage.merchant.run, "segment", "create", CONTRACT)
        stage.together(
            partial(create, EVERYONE, "matched", *channels, "--wait"),
            partial(create, SEGMENT, DEFINITION, *channels, "--wait"),
            partial(stage.merchant.run, "contract", "delegate", CONTRACT, "--analyst", ANALYST, "--compared"),
        )
        asked = ((self._analyst, EVERYONE), (self._analyst, SEGMENT), (stage.platform, SEGMENT))
        shown, *bands = stage.together(
            partial(stage.merchant.run, "segment", "show", CONTRACT, SEGMENT),
            *(partial(asker.run, "size", CONTRACT, segment) for asker, segment in asked),
        )
        self._results.segment_definition = shown["definition"]
        self._story.say(f"{SEGMENT}: {shown['definition']}")
        for segment in dict.fromkeys(segment for _, segment in asked):
            self._results.charge(f"size of {segment}", self._budget["size_rho_micro"])
        for (asker, segment), band in zip(asked, bands, strict=True):
            at_least, below = band["at_least"], band["below"]
            self._performance.bands.append((asker.name, segment, at_least, below))
            self._story.say(f"{asker.name} asks for the size of {segment}: {in_words(at_least, below)}")
        again = self._analyst.run("size", CONTRACT, SEGMENT)
        if (again["at_least"], again["below"]) != (bands[1]["at_least"], bands[1]["below"]):
            raise RuntimeError("the analyst got two answers for one size")

    def _activate(self) -> None:
        stage = self._stage
        actors = {MERCHANT: stage.merchant, PLATFORM: stage.platform}
        activated = stage.together(
            *(
                partial(stage.activate, CONTRACT, SEGMENT, actors[recipient], channel, f"{KEY}-{recipient}")
                for recipient, _, channel in ACTIVATIONS
            )
        )
        recipient, _, channel = ACTIVATIONS[0]
        again = stage.activate(CONTRACT, SEGMENT, actors[recipient], channel, f"{KEY}-{recipient}")
        if again != activated[0]:
            raise RuntimeError("the same idempotency key started a second job")
        for (recipient, _, _), (_, file) in zip(ACTIVATIONS, activated, strict=True):
            self._performance.delivered[recipient] = file
            self._story.say(f"{recipient}: {file.relative_to(self._folder)}, {len(read_ids(file)):,} of its own ids")

    def _compare(self) -> None:
        self._judge = Judge(self._folder, self._retail.today)
        self._judge.judge(self._performance, self._results)
        for one in self._results.match_report:
            self._story.say(f"{one.type}: reported {one.reported:,}, in truth {one.truth:,}")
        for size in self._results.sizes[:2]:
            self._story.say(f"{size.segment}: {in_words(size.at_least, size.below)}, in truth {size.truth:,}")
        for question in self._questions:
            question.judge(self._judge)
        for activation in self._results.activations:
            verdict = "equal" if activation.equal else "DIFFERENT"
            self._story.say(
                f"{activation.recipient}: {activation.delivered:,} ids delivered, {activation.truth:,} in the plaintext"
                f" join, {activation.missing:,} missing, {activation.surplus:,} too many: {verdict}"
            )

    def _who_learned_what(self) -> None:
        stage, results = self._stage, self._results
        findings = stage.together(
            *(partial(party.run, "audit", "verify", CONTRACT) for party in (stage.merchant, stage.platform))
        )
        own, receipts = (sum(one[name] for one in findings) for name in ("own_entries", "receipts"))
        results.audit = (
            f"The zone's history of {findings[0]['zone_entries']:,} entries was checked by both agents against"
            f" {own:,} entries and {receipts:,} signed receipts of their own: they agree."
        )
        ledger = results.ledger = read_ledger(stage.merchant, results)
        self._story.say(
            f"{MERCHANT}'s ledger: {in_rho(ledger.spent_micro)} of {in_rho(ledger.limit_micro)} spent on"
            f" {len(results.charges)} answers, ε = {ledger.epsilon:.2f} at δ = 10^-{ledger.delta_exponent}"
        )
        results.scan = scan(stage.zone.home, self._judge.people)
        results.processes = [self._process(stage.merchant), self._process(stage.zone), self._process(stage.platform)]
        results.processes.append(self._process(self._analyst))
        for process in results.processes:
            self._story.say(f"{process.name}, {size_of(process.received)} received: {process.learned}")
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
        phones = {int(member.phone) for member in self._judge.members if member.phone}
        found = self._results.brute_force = attack(phones, seconds=CRACKING_SECONDS)
        self._story.say(
            f"{found.tried:,} numbers tried in {found.seconds:.1f} s: {found.recovered:,} of the {found.expected:,}"
            f" members among them found, of {found.listed:,} in the list"
        )
        self._story.say(
            f"all 10,000,000,000 numbers: {duration(found.seconds_for_all)} here in Python,"
            f" {duration(found.seconds_on_a_graphics_card)} on one graphics card (published rate)"
        )
