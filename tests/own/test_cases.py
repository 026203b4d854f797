"""Small files in the shapes that readers have: each gives the value that another route gave, or says what to do.

Beside each file of `cases/` a text of the same name says what is right; the numbers here are those of the texts.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT

from goingglobal import own
from goingglobal.models import ModelError
from goingglobal.own import PanelError, large, surveys

CASES = Path(__file__).parent / "cases"
EFFECT = (0.064257, 0.012617, 440, 55)  # of the panel that most files hold: numpy dummies, CR1 by firm
NAMES = {"firm": "企業コード", "year": "年度", "home": "従業員数", "fdi": "海外進出", "sector": "業種"}


def is_effect(estimate) -> None:
    assert estimate.value == pytest.approx(EFFECT[0], abs=5e-7)
    assert estimate.se == pytest.approx(EFFECT[1], abs=5e-7)
    assert (estimate.n, estimate.groups) == EFFECT[2:]


def is_efige(estimate) -> None:
    assert (estimate.value, estimate.se) == (pytest.approx(0.463167, abs=5e-7), pytest.approx(0.616443, abs=5e-7))
    assert estimate.n == 117


def efige(path: Path):
    return surveys.efige(path, ["GER"], weight="w_ger")["GER"]


def opened(path: Path, **options):
    pytest.importorskip("duckdb")
    with large.open_panel(path, **options) as panel:
        return panel.starters_effect(), panel.cautions


def columns_differ_by_case(path):
    is_effect(opened(path)[0])
    is_effect(own.starters_effect(own.check(pd.read_csv(path))))


def efige_five_firms(path):
    with pytest.raises(ModelError, match="no degree of freedom left: 5 rows for 5 coefficients"):
        efige(path)


def efige_labelled_bands(path):
    with pytest.raises(PanelError, match=r"'empl_2008' is in size bands \('.*'\), not in headcounts"):
        efige(path)


def efige_latin1_semicolon(path):
    found = efige(path)
    is_efige(found)
    assert any("the file is not UTF-8" in note for note in found.notes)
    is_efige(surveys.efige(path, ["GER"], weight="w_ger", encoding="latin-1", decimal=",")["GER"])


def efige_thousands_comma(path):
    is_efige(efige(path))


def fdi_turns_off(path):
    panel = own.check(pd.read_csv(path))
    assert "9 firms with a later start but FDI in fewer than 80 %" in str(panel.attrs["cautions"][0])
    assert own.starters_effect(panel).value == pytest.approx(0.094504, abs=5e-7)
    assert str(own.core(panel, draws=3)).count("9 firms with a later start, but FDI in fewer than 80 %") == 4
    assert opened(path)[0].value == pytest.approx(0.094504, abs=5e-7)


def german_thousands_point(path):
    with pytest.raises(PanelError, match=r"field 'home', rows .*exactly three decimals.*thousands=\"\.\""):
        own.check(pd.read_csv(path, sep=";"))
    is_effect(own.starters_effect(own.check(pd.read_csv(path, sep=";", thousands="."))))
    with pytest.raises(PanelError, match="exactly three decimals"):
        opened(path)
    is_effect(opened(path, thousands=".", decimal=",")[0])
    with pytest.raises(PanelError, match="all cells stand in one column"):
        own.check(pd.read_csv(path))


def japanese_cp932(path):
    with pytest.raises(PanelError, match=r'is not UTF-8 \(line 1\); say .*encoding="cp932" \(Japanese Windows\)'):
        opened(path, columns=NAMES)
    is_effect(opened(path, columns=NAMES, encoding="cp932")[0])
    is_effect(own.starters_effect(own.check(pd.read_csv(path, encoding="cp932"), NAMES)))


def leading_zeros(path):
    kept = own.check(pd.read_csv(path, dtype={"firm": str}))
    assert own.starters_effect(kept).value == pytest.approx(0.065944, abs=5e-7)
    assert own.starters_effect(kept).groups == 55
    assert "'0007' and '7' do: they count as different firms" in str(kept.attrs["cautions"][0])
    assert opened(path)[0].value == pytest.approx(0.065944, abs=5e-7)
    lost = own.check(pd.read_csv(path))
    assert own.starters_effect(lost).value == pytest.approx(0.138602, abs=5e-7), "two firms in one"
    assert 'dtype={"firm": str}' in str(lost.attrs["cautions"][0])
    page = (ROOT / "book" / "appendix" / "your-data.ipynb").read_text(encoding="utf-8")
    assert 'dtype={\\"firm\\": str}' in page


def nobody_abroad_at_first(path):
    found = own.core(own.check(pd.read_csv(path)), draws=3)
    assert "no firm has FDI in 2011" in found.left_out["Long difference, home"]
    is_effect(found.estimates["Starters, firm and year effects, home, untrimmed"])


def print_to_a_japanese_console(path):
    for encoding in ("cp932", "ascii"):
        console = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
        with contextlib.redirect_stdout(console):  # where its signs are looked up, from the check to the print
            print(own.core(own.check(pd.read_csv(path)), draws=9))
        console.flush()
        assert "Callaway-Sant'Anna, home, trimmed" in console.buffer.getvalue().decode(encoding)


def size_with_empty_cells(path):
    found = own.core(own.check(pd.read_csv(path)), draws=3)
    small = found.estimates["Long difference, home, size small"]
    assert (small.value, small.se) == (pytest.approx(-1.012048, abs=5e-7), pytest.approx(0.538721, abs=5e-7))
    assert small.n == 30
    assert not [name for name in {**found.estimates, **found.left_out} if "nan" in name or "None" in name]
    assert any("30 firms without a size" in note for note in small.notes)
    assert "beware: it rests on 2 firms with FDI" in str(found)


def spreadsheet_plain(path):
    rows = pd.read_excel(path, engine="openpyxl")
    assert len(own.check(rows)) == 480
    is_effect(own.starters_effect(own.check(rows)))


def status_coded_1_2(path):
    rows = pd.read_csv(path)
    for check in (own.check, lambda _: opened(path)):
        with pytest.raises(PanelError, match="expected 0 or 1, found '2'; if 1 is yes and 2 is no") as told:
            check(rows)
        assert len(told.value.faults) == 1
    is_effect(own.starters_effect(own.check(rows.assign(fdi=2 - rows["fdi"]))))


def two_firms(path):
    found = own.core(own.check(pd.read_csv(path)), draws=3)
    assert found.estimates == {}
    assert "1 starters and 1 never-investors" in found.left_out["Starters, firm and year effects, home, untrimmed"]
    with pytest.raises(ModelError, match="with fewer than 3 of either an error says nothing"):
        opened(path)


def two_level_index(path):
    rows = pd.read_csv(path)
    is_effect(own.starters_effect(own.check(rows.set_index(["firm", "year"]))))
    named = rows.rename(columns={"firm": "id", "year": "t"})
    is_effect(own.starters_effect(own.check(named.set_index(["id", "t"]), {"firm": "id", "year": "t"})))
    with pytest.raises(PanelError, match=r"the index has 2 levels.*frame.reset_index\(\)"):
        own.check(named.set_index(["id", "t"]))


def unnamed_index_column(path):
    found, cautions = opened(path)
    is_effect(found)
    assert "ignored: '(no name)'" in str(cautions[0])
    is_effect(own.starters_effect(own.check(pd.read_csv(path))))


def weights_and_few_investors(path):
    found = own.core(own.check(pd.read_csv(path)), draws=99)
    assert "Weighting, home" in found.left_out or "Weighting, home, all" in found.estimates


def without_module_resource(path, tmp_path):
    pytest.importorskip("duckdb")
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['resource'] = None\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, "resource", None)
        patched.setenv("PYTHONPATH", str(tmp_path))  # of the process that the demonstration starts
        run = large.demonstrate(1000)
    assert (run.firms, run.peak_mb > 0) == (100, True)
    assert own.starters_effect(own.check(pd.read_csv(path))).groups == 55


TEXTS = sorted(CASES.glob("*.txt"))


@pytest.mark.parametrize("text", TEXTS, ids=[text.stem for text in TEXTS])
def test_each_file_does_what_its_text_says(text, tmp_path):
    path = next(file for file in CASES.glob(f"{text.stem}.*") if file.suffix != ".txt")
    case = globals()[text.stem]
    case(*(path, tmp_path)[:case.__code__.co_argcount])
    for number in re.findall(r"\d\.\d{6}", text.read_text(encoding="utf-8")):
        assert number in Path(__file__).read_text(encoding="utf-8"), "a value of the text that no test holds"
