"""What `gvsc simulate` and `gvsc demo` print of metrics: names and units by the registry, and why one is missing."""

from __future__ import annotations

from typing import Any

import pytest

from gvsc.commands import demo, simulate

MEASURED: dict[str, Any] = {
    "metrics": {"psnr": 19.444, "ssim": 0.5, "deepfeat": None},
    "metrics_missing": {"deepfeat": "hed is not [here]\x1b[2J: gvsc models get hed"},
}


def test_simulate_prints_a_line_for_each(tmp_path: Any) -> None:
    summary = {
        **MEASURED,
        "clip": "a", "scheme": "desc-only", "modes": {"description": "1/3"}, "generator": "mini",
        "task": "text", "messages": [],
        "channel": {"model": "awgn", "snr_set_db": 3.0, "gain_db": 0.0}, "snr_estimated_db": 2.9,
        "symbols_payload": 1, "cbr_payload": 0.1, "symbols_total": 2, "cbr_total": 0.2, "airtime_ms": 1.0,
        "text_ok": True, "text_received": "A.", "seconds": {}, "files": {"tx": str(tmp_path / "tx.npy")},
    }  # fmt: skip
    lines = simulate._table(summary).splitlines()
    assert "PSNR         19.44 dB" in lines
    assert "SSIM         0.500" in lines
    missing = next(line for line in lines if line.startswith("deepfeat"))
    assert missing.startswith("deepfeat     not computed (hed is not [here]")
    line = simulate._line(summary)
    assert line.startswith("a  desc-only  PSNR 19.44 dB  SSIM 0.500  deepfeat not computed (hed")
    assert "\x1b" not in line


def test_demo_has_a_column_for_each_and_reasons_below(capsys: pytest.CaptureFixture[str]) -> None:
    run = {
        **MEASURED, "scheme": "desc-only", "snr_db": 3.0, "snr_estimated_db": None, "cbr_payload": 0.1,
        "cbr_total": 0.2, "text_ok": False,
    }  # fmt: skip
    other = {**run, "metrics": {"psnr": 20.0}, "metrics_missing": {}}
    demo._print_table({"clips": [{"name": "a", "runs": [run, other]}, {"name": "b", "runs": [run]}]})
    head, *rest = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    text = "\n".join([head, *rest])
    for words in (
        "PSNR",
        "SSIM",
        "deepfeat",
        "19.44 dB",
        "20.00 dB",
        "0.500",
        "received" if run["text_ok"] else "lost",
    ):
        assert words in text
    assert text.count("deepfeat was not computed: hed is not [here]") == 1
    assert "\x1b" not in text
