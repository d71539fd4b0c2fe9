"""What predicates by distance add: where an owner's people are."""

from collections.abc import Iterator

from miyun.contract.leakage.lines import (
    ALWAYS,
    AT_EACH_ACTIVATION,
    AT_EACH_ANSWER,
    AT_EACH_SEGMENT,
    LeakageLine,
    Who,
)
from miyun.contract.model import LOCATION, Contract, Grant, Rung
from miyun.words import Words


def is_of_location(grant: Grant) -> bool:
    """Whether a grant is on where people are."""
    return grant.subject.endswith(LOCATION)


def location_lines(contract: Contract) -> Iterator[LeakageLine]:
    """How finely anybody can be placed, whatever is granted."""
    radius, grid = contract.location_radius_min, contract.location_grid
    if grid:
        learns = Words(
            en=f"{_rule(radius).en} The owner answers from places that it moved to the middles of squares of about "
            f"{grid:,} m, so that however many circles tell no more than the square. Where few people live, a square "
            "can be one household",
            zh=f"{_rule(radius).zh}所有者先把位置移到约 {grid:,} 米见方的方格中心再作答，"
            "因此无论用多少个圆，也只能知道在哪个方格内。人烟稀少处，一个方格可能只有一户",
        )
    else:
        learns = Words(
            en=f"{_rule(radius).en} THE OWNER ANSWERS FROM EXACT PLACES: two circles that differ by a step tell who is "
            "in between, and some twenty place a person to the door",
            zh=f"{_rule(radius).zh}所有者按精确位置作答：两个相差一步的圆就能看出谁在两者之间，"
            "约二十个圆即可定位到门口",
        )
    yield LeakageLine(
        who=Who.EVERYBODY,
        name=Words(en="Everybody", zh="所有人"),
        learns=learns,
        when=ALWAYS,
        clause="location_grid",
        loud=not grid,
    )


def _rule(radius: int) -> Words:
    return Words(
        en="Where an owner's people are, nobody else learns but by predicates by distance, of at least "
        f"{radius:,} m around points; for another party each column needs a grant that ends in {LOCATION}.",
        zh=f"所有者的人在哪里，他人只能通过距离条件得知，半径至少 {radius:,} 米；"
        f"另一方使用每一列都需要以 {LOCATION} 结尾的授权。",
    )


def granted_location(contract: Contract, grant: Grant) -> tuple[Words, Words]:
    """What a grant on where people are lets its recipient learn, and when."""
    column = grant.subject.removesuffix(LOCATION)
    by = Words(
        en=f"where {grant.owner}'s people are by {column} (within a distance of points that the definition names)",
        zh=f"{grant.owner} 的人按 {column} 所在的位置（距定义所列各点一定距离以内）",
    )
    match grant.rung:
        case Rung.USE:
            return _use(grant, by), AT_EACH_SEGMENT
        case Rung.ACTIVATE:
            return _lists(contract, grant, column), AT_EACH_ACTIVATION
        case Rung.SIZE:
            en, zh = "the noisy size, as a band, of segments cut by", "筛选的人群包的含噪人数区间，计入隐私预算"
        case Rung.EXACT_SIZE:
            en = "the exact number of matched rows that the two parties compute without the zone, cut by"
            zh = "筛选的确切匹配行数（双方不经融合区计算时）。这在差分隐私之外"
        case Rung.INSIGHT:
            en = "noisy totals, of other columns and tags, over segments cut by"
            zh = "筛选的人群包中其他列与标签的含噪合计，计入隐私预算"
    charged = "Outside differential privacy" if grant.rung is Rung.EXACT_SIZE else "Charged to the budget"
    learns = Words(
        en=f"From {grant.owner}'s grant it learns {en} {by.en}. {charged}", zh=f"由 {grant.owner} 授权：按{by.zh}{zh}"
    )
    return learns, AT_EACH_ANSWER


def _use(grant: Grant, by: Words) -> Words:
    return Words(
        en=f"From {grant.owner}'s grant it learns nothing by itself, but may cut segments by {by.en}, and the zone "
        f"then receives for each row handle of {grant.owner} whether it is there",
        zh=f"由 {grant.owner} 授权：本身不获知任何内容；可以按{by.zh}筛选人群包，"
        f"融合区由此得到 {grant.owner} 的每个行句柄是否在其内",
    )


def _lists(contract: Contract, grant: Grant, column: str) -> Words:
    legs, grid = contract.legs_per_epoch, contract.location_grid
    where_en = f"in which square of about {grid:,} m" if grid else "where, as exactly as the owner knows it,"
    where_zh = f"在哪个约 {grid:,} 米见方的方格内" if grid else "的确切位置（与所有者所知同样精确）"
    return Words(
        en=f"From {grant.owner}'s grant it learns of each id on a list that the person is, by {column}, as near to the "
        f"points as the segment's definition says or, under “not”, that it is not. By comparing lists it can learn of "
        f"each of its matched ids {where_en} the person is: every predicate is one bit of it, {legs:,} of them an "
        "epoch tell 2 to that power areas apart. Exact, outside differential privacy, and it can't be taken back",
        zh=f"由 {grant.owner} 授权：名单上的每个编号按 {column} 与各点的距离符合人群包定义所述，"
        "若定义中有“not”则为不符合。"
        f"通过比较多份名单，可以得知每个匹配编号的人{where_zh}：每个条件提供其中一个比特，每个纪元 {legs:,} 个条件"
        "可区分 2 的该次方个区域。确切结果，在差分隐私之外，也无法收回",
    )
