"""Whatever params.yaml and experiments.yaml hold: lines that name what is wrong, or values that can be used."""

import copy
import os

import pytest
from conftest import PARAMS, ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roadseg.experiments import variants as module
from roadseg.experiments.variants import EXPERIMENTS, load_experiments
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.params import check_params
from roadseg.pipeline.schema import read_yaml

VARIANTS = {
    "methods": ["dice"],
    "groups": {
        "quick": {
            "about": "small",
            "set": {"train.epochs": 4},
            "variants": {
                "ce": {"about": "one", "set": {"loss": "ce"}},
                "dice": {"about": "two", "set": {"loss": "dice"}, "methods": ["dice"], "against": "ce"},
            },
        }
    },
    "published": [{"name": "a", "source": "b", "data": "kitti", "measure": "c", "gflops": 1.0, "miou": 2.0}],
}
TRUST = "ROADSEG_TRUST" in os.environ
often = settings(
    deadline=None,
    derandomize=not TRUST,
    max_examples=2000 if TRUST else 150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
rarely = settings(often, max_examples=300 if TRUST else 10)

numbers = st.one_of(
    st.integers(-(10**30), 10**30), st.floats(), st.sampled_from([0, 1, -1, 0.5, 10**400, 2**31, 2**63])
)
words = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["", "none", "recipe", "trained", "0", "1/4", "~nobody/x", "a\nb", "\x00", "exp:", "hf:", "${X}"]),
)
leaves = st.one_of(st.none(), st.booleans(), numbers, words, st.dates(), st.binary(max_size=5))
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.integers(), inner, max_size=3)
)


def places_in(content, place=()):
    """All keys and indices that lead to something in nested dicts and lists."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield (*place, key)
        yield from places_in(value, (*place, key))


@st.composite
def changed(draw, content):
    """The content with one to three of its parts replaced, removed, or joined by another one."""
    content = copy.deepcopy(content)
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(list(places_in(content)) or [("seed",)]))
        section = content
        for key in way:
            section = section[key]
        match draw(st.sampled_from(["value", "value", "remove", "add"])):
            case "value":
                section[last] = draw(values)
            case "remove":
                del section[last]
            case "add" if isinstance(section, dict):
                section[draw(words | st.integers())] = draw(values)
    return content


def check_lines(lines):
    for line in lines:
        assert line.strip()
        assert all(letter.isprintable() for letter in line), line
        assert len(line) < 1000, line


@given(changed(PARAMS))
@often
def test_params_of_any_content(raw):
    before = copy.deepcopy(raw)
    params, problems = check_params(raw)
    assert repr(raw) == repr(before)
    check_lines(problems)
    assert params is not None or problems
    if not problems:
        _, lines = check_params(params.model_dump(exclude_unset=True))
        assert lines == [], lines


@given(changed(VARIANTS))
@often
def test_experiments_of_any_content(raw):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "read_yaml", {EXPERIMENTS: raw}.__getitem__)
        patch.setattr(module, "read_params", lambda: PARAMS)
        try:
            load_experiments()
        except UserError as error:
            check_lines(str(error).split("\n"))


@given(values | st.just({}))
@often
def test_a_file_that_holds_something_else(raw):
    params, problems = check_params(raw)
    assert params is None
    check_lines(problems)
    assert problems


@given(st.data())
@rarely
def test_a_damaged_file(tmp_path, data):
    text = (ROOT / "params.yaml").read_bytes()
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    damage = data.draw(
        st.binary(max_size=30) | st.sampled_from([b"\t", b"&a", b"*a", b"!!python/object:os.system", b"<<: *a"])
    )
    damaged = data.draw(
        st.sampled_from([text[:start], text[:start] + damage + text[start:], text[:start] + text[end:]])
    )
    (tmp_path / "params.yaml").write_bytes(damaged)
    try:
        _, problems = check_params(read_yaml(tmp_path / "params.yaml"))
        check_lines(problems)
    except UserError as error:
        check_lines([str(error)])
