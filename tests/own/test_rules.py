"""The schema as pandera's: extended, kept and read again; a reader's rules hold beside the book's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
from panels import made

from goingglobal import own
from goingglobal.own import PanelError, rules


def extended():
    mine = own.schema().add_columns({
        "region": pa.Column("str", pa.Check.isin(["north", "south"]), title="Region", coerce=True),
        "exports": pa.Column("float64", pa.Check.in_range(0, 100), nullable=True, required=False, coerce=True,
                             metadata={"unit": "% of sales"}, description="a control")})
    return mine.update_column("home", checks=[pa.Check.greater_than_or_equal_to(5, error="five employees or more")])


def with_regions():
    rows = made()
    return rows.assign(region=["north" if f < "f030" else "south" for f in rows["firm"]], exports=12.5)


def test_every_field_is_a_column_of_the_schema_with_its_rules():
    schema = own.schema()
    assert list(schema.columns) == [f.name for f in own.FIELDS]
    assert schema.unique == ["firm", "year"]
    for f in own.FIELDS:
        column = schema.columns[f.name]
        assert (column.required, column.nullable) == (f.required, not f.filled)
        bounds = {key: value for check in column.checks for key, value in (check.statistics or {}).items()}
        assert bounds.get("min_value") == (f.above if f.above is not None else f.minimum)
        assert bounds.get("max_value") == f.maximum
    assert len(schema.validate(made())) == len(made()), "a clean table passes by pandera alone"
    with pytest.raises(pa.errors.SchemaError, match="greater_than"):
        schema.validate(made().assign(home=0))


WHOLE = {"text": "a", "year": 2010.0, "number": 20.0, "flag": 1.0}


@pytest.mark.parametrize("f", own.FIELDS, ids=lambda f: f.name)
def test_pandera_is_spared_only_where_it_finds_nothing(f):
    """What the rules in brief let pass and what they don't, value by value, and what pandera says of each."""
    limits = [limit for limit in (f.above, f.minimum, f.maximum) if limit is not None]
    tried = [np.nan, np.inf, -np.inf, 0.0, 1.0, 2.0, 0.5, 2010.0, 2010.5, -5.0, 1e300,
             *(limit + step for limit in limits for step in (-1, -1e-9, 0, 1e-9, 1))]  # fmt: skip
    tried = [np.nan, "", "b"] if f.kind == "text" else tried
    firms = [f"f{row}" for row in range(len(tried))]
    rows = pd.DataFrame({g.name: firms if g.name == "firm" else WHOLE[g.kind] for g in own.FIELDS}, index=range(
        len(tried)))  # fmt: skip
    rows = rows.assign(**{f.name: tried}).astype({g.name: rules.DTYPES[g.kind] for g in own.FIELDS})
    kept = {row for row in rows.index if rules._kept(f, rows.loc[[row], f.name])}
    found = rules.broken(rules.complete(None), rows)[1]
    assert kept == set(rows.index) - {row for b in found for row in b.rows}
    assert kept
    sound = rows.loc[sorted(kept)].reset_index(drop=True)
    by_pandera, spared = rules.broken(rules.complete(None), sound), rules.broken(None, sound)
    assert by_pandera[1] == spared[1] == []
    pd.testing.assert_frame_equal(by_pandera[0], spared[0])


def test_a_key_that_stands_twice_is_left_to_pandera():
    rows = made().assign(firm="a", year=2010.0)
    assert [b.rule for b in rules.broken(None, rows)[1]] == ["twice"]


def test_a_readers_columns_and_checks_hold_beside_the_books():
    panel = own.check(with_regions(), schema=extended())
    assert set(panel["region"]) == {"north", "south"}
    assert (panel["exports"] == 12.5).all()
    assert "ignored" not in str(panel.attrs["cautions"])
    rows = with_regions().astype({"home": object, "region": object, "exports": object})
    rows.loc[2, "home"], rows.loc[3, "home"], rows.loc[4, "home"] = 3, -1, "many"
    rows.loc[5, "region"], rows.loc[6, "region"], rows.loc[7, "exports"] = "east", None, 101
    with pytest.raises(PanelError) as caught:
        own.check(rows, schema=extended())
    said = [(f.field, f.rows, f.expected) for f in caught.value.faults]
    assert said == [
        ("home", (5,), "expected a number above 0 (persons), one that can be read, found 'many'"),
        ("home", (4,), "expected a number above 0 (persons), found '-1'"),
        ("home", (3,), "expected five employees or more, found '3'"),
        ("region", (7,), "expected a value; this field may not be empty"),
        ("region", (6,), "expected isin(['north', 'south']), found 'east'"),
        ("exports", (8,), "expected in_range(0, 100), found '101'")]
    assert list(own.faults(rows, schema=extended())["row"].dropna()) == [5, 4, 3, 7, 6, 8]


def test_a_readers_column_under_another_name_or_missing():
    rows = with_regions().rename(columns={"region": "Land"})
    assert set(own.check(rows, {"region": "Land"}, schema=extended())["region"]) == {"north", "south"}
    with pytest.raises(PanelError, match="expected a column 'region'"):
        own.check(made(), schema=extended())


def test_the_books_rules_can_not_be_taken_away():
    loose = own.schema().remove_columns(["fdi", "group"]).update_column("weight", nullable=True, checks=[])
    loose.unique = None
    rows = made()
    rows.loc[3, "fdi"] = 2
    rows = rows.astype({"weight": float})
    rows.loc[4, "weight"] = None
    rows.loc[6, ["firm", "year"]] = rows.loc[5, ["firm", "year"]].tolist()
    with pytest.raises(PanelError) as caught:
        own.check(rows, schema=loose)
    assert [(f.field, f.rows) for f in caught.value.faults] == [("fdi", (4,)), ("weight", (5,)), ("firm+year", (7,))]


def test_checks_of_several_fields_and_checks_that_fail_to_run():
    several = own.schema()
    several.checks = [pa.Check(lambda rows: rows["home"] < 10 * rows["weight"], error="at most ten a weight"),
                      pa.Check(lambda rows: len(rows) > 1000, error="a thousand rows")]
    several = several.update_column("sector", checks=[pa.Check(lambda cells: cells.nothing, name="odd")])
    several.unique = ["sector", "year"]
    with pytest.raises(PanelError) as caught:
        own.check(made(), schema=several)
    said = {f.expected.partition(":")[0]: f.count for f in caught.value.faults}
    rows = made()
    assert said == {"expected at most ten a weight": int((rows["home"] >= 10 * rows["weight"]).sum()),
                    "expected a thousand rows": 0, "the check 'odd' can't be run": 0,
                    "expected one row for each sector and year": int(rows.duplicated(["sector", "year"]).sum())}


@pytest.mark.parametrize(("schema", "words"), [
    ({"region": "str"}, "expected a DataFrameSchema of pandera"),
    (pa.DataFrameSchema({"x.*": pa.Column(regex=True)}), "a pattern of names"),
    (pa.DataFrameSchema({"listed": pa.Column()}), "the library has a column of that name"),
])
def test_a_schema_that_can_not_be_used_says_why(schema, words):
    with pytest.raises(PanelError, match=words):
        own.check(made(), schema=schema)


def test_the_check_does_not_hang_on_panderas_switches(monkeypatch):
    from pandera.config import config_context

    with config_context(validation_enabled=False), pytest.raises(PanelError, match="found '-1'"):
        own.check(made().assign(home=-1))


def test_the_schema_is_kept_and_read_again(tmp_path):
    extended().to_yaml(tmp_path / "mine.yml")
    again = own.schema(tmp_path / "mine.yml")
    rows = with_regions()
    rows.loc[0, "region"], rows.loc[1, "home"], rows.loc[2, "year"] = "east", 4, 1800
    told = [own.faults(rows, schema=schema) for schema in (extended(), again)]
    assert told[0]["row"].dropna().tolist() == [3, 2, 1]
    assert told[0].equals(told[1])


def test_the_table_of_fields_has_a_readers_own_columns():
    table = own.fields(extended()).set_index("field")
    assert list(table.index) == [*(f.name for f in own.FIELDS), "region", "exports"]
    assert table.loc["home", "expected"] == "a number above 0 (persons); five employees or more"
    assert table.loc["exports"].tolist() == ["", "% of sales", "of the type float64; in_range(0, 100)", "no",
                                             "a control", "exports"]
    assert table.loc["region", "required"] == "yes"
    assert own.fields().equals(own.fields(own.schema()))
    assert rules.complete(None) is rules.complete(None)
