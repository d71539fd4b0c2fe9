"""What a sealed audience is bound to: HPKE's ``info``, which both the zone and the recipient derive."""

import rfc8785


def audience_info(*, contract: str, job: str, segment: str, version: int, epoch: int, recipient: str) -> bytes:
    """``info`` for the recipient's handles: a sealed audience opens for this job, version and recipient only."""
    header = rfc8785.dumps(
        {
            "contract": contract,
            "job": job,
            "segment": segment,
            "version": version,
            "epoch": epoch,
            "recipient": recipient,
        }
    )
    return b"miyun/v1/audience\0" + header
