"""Any octets are a program or an error that says where; any program over any message comes to an outcome."""

from hypothesis import given, settings
from hypothesis import strategies as st

from support.script import World
from support.sieve import message_of
from verbena.sieve.action import Keep
from verbena.sieve.check import compile_script
from verbena.sieve.errors import Complaint, ScriptError
from verbena.sieve.extensions import REGISTRY
from verbena.sieve.run import Envelope, RunLimits, run

CAPABILITIES = [name.decode() for name in REGISTRY.capabilities if name != b"ihave"]
STRINGS = ["", "a", "*", "?a*", "Subject", "From", "To", "\\\\Seen", "${1}", "${a}", "a@b.example", "${global.a}", "ä"]
URIS = ["mailto:a@b", "xmpp:a@b", "https://h.example/", "webpush:*", "tel:1", "${a}"]
LIMITS = RunLimits(steps=2_000, variable_octets=300, string_octets=1_000)

strings = st.sampled_from(STRINGS + URIS).map(lambda text: f'"{text}"')
lists = st.lists(strings, min_size=1, max_size=3).map(lambda each: "[" + ", ".join(each) + "]")
relation = st.sampled_from(["gt", "ge", "lt", "le", "eq", "ne"])
match = st.one_of(
    st.sampled_from(["", ":is ", ":contains ", ":matches "]),
    relation.map(lambda each: f':value "{each}" '),
    relation.map(lambda each: f':count "{each}" '),
)
comparator = st.sampled_from(["", ':comparator "i;octet" ', ':comparator "i;unicode-casemap" '])
number = st.integers(0, 10**6)
tests = st.recursive(
    st.one_of(
        st.sampled_from(["true", "false", "duplicate", 'exists "subject"', 'mailboxexists "INBOX"']),
        st.builds("header {}{}{} {}".format, match, comparator, lists, lists),
        st.builds("string {}{}{} {}".format, match, comparator, lists, lists),
        st.builds('address {}{} "from" {}'.format, match, comparator, lists),
        st.builds('envelope {}{}["from", "to"] {}'.format, match, comparator, lists),
        st.builds("hasflag {}{}".format, match, lists),
        st.builds("environment {}{} {}".format, match, strings, lists),
        st.builds("valid_notify_method {}".format, lists),
        st.builds('notify_method_capability {} "online" {}'.format, strings, lists),
        st.builds("size :over {}".format, number),
    ),
    lambda inner: st.one_of(
        st.builds("not {}".format, inner),
        st.builds("anyof ({}, {})".format, inner, inner),
        st.builds("allof ({}, {})".format, inner, inner),
    ),
    max_leaves=5,
)
commands = st.recursive(
    st.one_of(
        st.sampled_from(["keep;", "discard;", "stop;", "return;", 'redirect :copy "a@b";', 'include :optional "s";']),
        st.builds("fileinto {};".format, strings),
        st.builds('fileinto :flags {} :create "x";'.format, lists),
        st.builds('set :length "b" {};'.format, strings),
        st.builds('set :encodeurl :upper "a" "${{a}}${{1}}"; addflag {};'.format, lists),
        st.builds('addflag "a" {};'.format, lists),
        st.builds("reject {};".format, strings),
        st.builds('vacation :fcc "x" :subject {} {};'.format, strings, strings),
        st.builds("notify :message {} {};".format, strings, strings),
    ),
    lambda inner: st.one_of(
        st.builds("{} {}".format, inner, inner),
        st.builds("if {} {{ {} }}".format, tests, inner),
        st.builds("if {} {{ {} }} elsif {} {{ {} }} else {{ {} }}".format, tests, inner, tests, inner, inner),
    ),
    max_leaves=8,
)
scripts = commands.map(
    lambda text: f"require [{', '.join(f'{chr(34)}{each}{chr(34)}' for each in CAPABILITIES)}]; {text}"
)
fields = st.tuples(st.sampled_from([b"Subject", b"From", b"To", b"X"]), st.binary(max_size=40))
messages = st.one_of(
    st.binary(max_size=200),
    st.lists(fields, max_size=5).map(lambda each: b"".join(b"%b: %b\r\n" % field for field in each) + b"\r\nbody\r\n"),
)


def complaints_of(script: bytes) -> tuple[Complaint, ...] | None:
    """None for a script that is right."""
    try:
        compile_script(script, REGISTRY)
    except ScriptError as error:
        return error.complaints
    return None


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(alphabet='kep;if{}()[],":\\#/*\r\n text0123KMG_aä', max_size=80).map(str.encode),
    )
)
def test_any_octets(script: bytes) -> None:
    found = complaints_of(script)
    assert found is None or found
    for complaint in found or ():
        assert 1 <= complaint.place.line <= script.count(b"\n") + 1
        assert 1 <= complaint.place.column <= len(script) + 1


@settings(max_examples=200, deadline=None)
@given(scripts, messages, st.sampled_from([b"", b"a@b", b"\xff", b"@"]))
def test_any_program_and_message(script: str, message: bytes, sender: bytes) -> None:
    try:
        program, _ = compile_script(script.encode(), REGISTRY)
    except ScriptError:
        return
    envelope = Envelope(sender, b"user@example.com")
    outcome = run(program, message_of(message), envelope, World(), LIMITS)
    assert len(outcome.editions) == len(outcome.actions)
    if outcome.failed is not None:
        assert outcome.actions == (Keep(None),)
    traced = run(program, message_of(message), envelope, World(), LIMITS, tracing=True)
    assert (traced.actions, traced.failed) == (outcome.actions, outcome.failed)
    assert traced.trace or not outcome.failed


@settings(max_examples=100, deadline=None)
@given(scripts, st.binary(max_size=3), st.integers(0, 400))
def test_damaged_scripts(script: str, damage: bytes, at: int) -> None:
    octets = script.encode()
    octets = octets[: len(octets) - at] + damage + octets[len(octets) - at // 2 :]
    found = complaints_of(octets)
    assert found is None or found
