"""SecretFlow's private set intersection: one of two parties, CSV file to CSV file, linked over loopback."""

from typing import Any

from bench.workers.channel import Answer, Work, serve


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``rank``, ``hosts`` (as this party dials them), ``protocol``, ``curve``, ``input``, ``output``."""
    import spu
    from spu import libspu, psi

    link = libspu.link
    described = link.Desc()
    for rank, host in enumerate(task["hosts"]):
        described.add_party(f"party{rank}", host)
    context = link.create_brpc(described, task["rank"])
    context.barrier()

    def work(_: Answer) -> Answer:
        report = psi.psi_execute(_configured(psi, task), context)
        return {"matched": report.intersection_count}

    return {"version": spu.__version__}, work


def _configured(psi: Any, task: Answer) -> Any:
    protocol: dict[str, Any] = {
        "protocol": getattr(psi.PsiProtocol, f"PROTOCOL_{task['protocol']}"),
        "receiver_rank": 0,
        "broadcast_result": True,
    }
    if task["curve"]:
        curve = getattr(psi.EllipticCurveType, f"CURVE_{task['curve']}")
        protocol["ecdh_params"] = psi.EcdhParams(curve=curve)
    return psi.PsiExecuteConfig(
        protocol_conf=psi.PsiProtocolConfig(**protocol),
        input_params=psi.InputParams(path=task["input"], selected_keys=["phone"], keys_unique=True),
        output_params=psi.OutputParams(path=task["output"], disable_alignment=True),
    )


serve(prepare)
