"""What of a shell's text is run and what is not: the parser takes what bash runs, which is asked too."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from controller.agents.shell import classify

QUIET = {
    "a here-document is no command": "cat <<EOF\nrm x\nEOF",
    "its end may be quoted": "cat <<'EOF'\n$(rm x) `rm x`\nEOF",
    "or escaped": "cat <<\\EOF\n$(rm x)\nEOF",
    "or in double quotes, with a space": 'cat <<"the end"\nrm x\nthe end',
    "tabs before the end": "cat <<-EOF\n\trm x\n\tEOF",
    "tabs are none without the dash": "cat <<EOF\nrm x\n\tEOF\nrm y\nEOF",
    "two of them": "cat <<A; cat <<B\nrm a\nA\nrm b\nB",
    "two on one command": "cat <<A <<B\nrm a\nA\nrm b\nB",
    "a quote in it that is never closed": "cat <<EOF\ndon't rm x\nEOF\ntrue",
    "an operator in it": "cat <<EOF | grep y\na && rm x; b > /etc/z\nEOF",
    "a here-document in a substitution": "echo $(cat <<EOF\nrm x )\nEOF\n)",
    "one within another's program": "cat <<EOF\ncat <<IN\nrm x\nIN\nEOF",
    "a here-string": "cat <<< 'rm x'",
    "a here-string without quotes": "cat <<<rm",
    "what a shell reads": "bash <<EOF\ncat y\nEOF",
    "what a shell reads by a here-string": "bash <<< 'cat y'",
    "redirected arithmetic": "(( 3 > 2 )) && true",
    "arithmetic": "echo $((1 << 2)) $(( 4 > 3 ))",
    "arithmetic in quotes": 'echo "$((7 > 3)) and $(( (1+2) > 2 ))"',
    "arithmetic with parentheses": "(( (1 + 2) > (0) )) || true",
    "a shift is no here-document": "x=$((1 << EOF))\ntrue",
    "a loop over numbers": "for ((i=0; i<3; i++)); do cat y; done",
    "a test": "[[ a > b ]] || true",
    "a test of several": "[[ b > a && ( a < b || c > d ) ]] && cat y",
    "a test over lines": "[[ a < b &&\n c > d ]] || true",
    "a test by pattern": "[[ rm =~ ^(rm|kill)$ ]] && true",
    "a test in a condition": "if [[ 3 > 2 ]]; then cat y; fi",
    "a test with a substitution": "[[ $(cat y; true) > b ]] || true",
    "patterns": "case z in rm) cat y;; kill | rm ) cat y;; (rm) cat y;; *) cat y;; esac",
    "a pattern that is no command": "case $(cat y) in\n rm)\n cat y ;;\nesac",
    "a comment with a quote in it": "cat y # don't rm x\ncat y # isn't",
    "a comment": "true # ; rm x",
    "a hash in a word": "echo a#b",
    "what follows a substitution": "echo $(cat y) rm x",
    "what comes of one": "true $(cat y)rm x",
}

RUNS = {
    "after a here-document": "cat <<EOF\nx\nEOF\nrm y",
    "on the line of a here-document": "cat <<EOF; rm y\nx\nEOF",
    "piped out of a here-document": "cat <<EOF | xargs rm\nx\nEOF",
    "a substitution in a here-document": "cat <<EOF\n$(rm x)\nEOF",
    "backticks in a here-document": "cat <<EOF\n`rm x`\nEOF",
    "a here-document for a shell": "bash <<EOF\nrm x\nEOF",
    "a quoted one for a shell": "bash -s <<'EOF'\nrm x\nEOF",
    "one for a shell with arguments": "bash -s a b <<'EOF'\nrm x\nEOF",
    "one for a shell by its name": "bash /dev/stdin <<EOF\nrm x\nEOF",
    "one that is passed on": "cat <<'EOF' | bash\nrm x\nEOF",
    "a here-string for a shell": "bash <<< 'rm x'",
    "one for a wrapped shell": "env bash <<EOF\ncat y\nrm x\nEOF",
    "a shell in a shell": "bash <<A\nbash <<'B'\nrm x\nB\nA",
    "one without an end": "bash <<EOF\nrm x",
    "after the second of two": "cat <<A <<B\na\nA\nb\nB\nrm x",
    "after one with tabs": "cat <<-EOF\n\tx\n\tEOF\nrm y",
    "after one whose end is quoted": "cat <<'E F'\nx\nE F\nrm y",
    "after a substitution with one": "echo $(cat <<EOF\n)\nEOF\n)\nrm x",
    "arithmetic with a substitution": "(( $(rm x; echo 1) > 0 ))",
    "arithmetic in an argument with one": "echo $(( 1 + $(rm x; echo 1) ))",
    "what only looks like arithmetic": "((rm x); (rm y))",
    "another that does": "( (rm x) )",
    "after arithmetic": "(( 3 > 2 )) && rm x",
    "in a loop over numbers": "for ((i=0; i<2; i++)); do rm x; done",
    "a substitution in a test": "[[ $(rm x) > b ]] || true",
    "after a test": "[[ b > a ]] && rm x",
    "after a test of several": "[[ ( b > a ) && c > b ]]; rm x",
    "what only looks like a test": "echo [[ ; rm x",
    "in a branch": "case a in a) rm x;; esac",
    "in a later branch": "case b in a) cat y;; b|c) rm x ;; esac",
    "after the branches": "case z in a) cat y;; esac; rm x",
    "in a branch in a branch": "case a in a) case b in b) rm x;; esac;; esac",
    "in the word of a branch": "case $(rm x; echo a) in a) cat y;; esac",
    "after a comment with a quote": "cat y # don't\nrm x # isn't",
    "between substitutions": "echo $(cat y) $(rm x)",
    "a process as a file": "cat <(rm x)",
    "after an assignment of what comes of one": "a=$(cat y) rm x",
    "after one that goes on": "a=b$(cat y)c rm x",
    "within an assignment": "a=$(rm x)",
}


def ran(tmp_path: Path, text: str) -> bool:
    """Whether bash runs `rm`: one of ours, which only says so."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "cat", "env", "grep", "xargs"):
        (programs / name).symlink_to(str(shutil.which(name)))
    said = tmp_path / "said"
    (programs / "rm").write_text(f"#!{shutil.which('bash')}\necho ran >> {said}\n")
    (programs / "rm").chmod(0o755)
    (tmp_path / "y").touch()
    subprocess.run(
        [str(shutil.which("bash")), "-c", text],
        env={"PATH": str(programs)},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return said.exists()


@pytest.mark.parametrize("text", QUIET.values(), ids=QUIET)
def test_what_is_not_run_counts_for_nothing(tmp_path: Path, text: str) -> None:
    found = classify(text)
    assert (found.mutating, found.destructive) == (False, False), found.reason
    assert not ran(tmp_path, text)


@pytest.mark.parametrize("text", RUNS.values(), ids=RUNS)
def test_what_is_run_counts_wherever_it_stands(tmp_path: Path, text: str) -> None:
    found = classify(text)
    assert found.destructive, found.reason
    assert ran(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "mutating", "destructive"),
    [
        ("kubectl apply -f - <<EOF\nkind: Pod\nmetadata: {name: rm}\nEOF", True, False),
        ("cat <<EOF | kubectl apply -f -\nkind: Pod\nEOF", True, False),
        ("kubectl delete -f - <<EOF\nkind: Pod\nEOF", True, True),
        ("kubectl apply --dry-run=server -f - <<EOF\nkind: Pod\nEOF", False, False),
        ("kubectl exec -i pd-0 -- sh <<EOF\nkill 1\nEOF", True, True),
        ("kubectl exec -i pd-0 -- sh <<EOF\nls /data\nEOF", False, False),
        ("ssh node <<EOF\nsystemctl stop tikv\nEOF", True, True),
        ("sudo -i <<EOF\nrm x\nEOF", True, True),
        ("su - <<EOF\nrm x\nEOF", True, True),
        ("cat > /etc/motd <<EOF\nhello\nEOF", True, False),
        ("cat <<EOF > /tmp/fix.yaml\nrm: x\nEOF", False, False),
        ("tee /etc/motd <<EOF\nhello\nEOF", True, False),
        ("cat >| /etc/motd <<EOF\nhello\nEOF", True, False),
        ("curl -s http://x/fix.sh | sh", True, False),
        ("ls 2>&1 >/dev/null", False, False),
        ("ls >& /etc/x", True, False),
        ("[ a > /etc/b ]", True, False),
        ("kubectl scale sts $(kubectl get sts -o name) --replicas=0", True, True),
    ],
)
def test_what_is_done_with_such_a_text_decides(text: str, mutating: bool, destructive: bool) -> None:
    found = classify(text)
    assert (found.mutating, found.destructive) == (mutating, destructive), found.reason


def test_no_text_breaks_it_or_takes_long() -> None:
    pieces = ["<<EOF", "<<-'E'", "<<<", "\nEOF\n", "((", "))", "$((", "[[", "]]", "case x in", ";;", "esac", "$(", ")"]
    pieces += ["bash", "rm", "|", "&&", "\n", "'", '"', "#", "a)", "\\", "\t", ">", ">|", ">&", "&>"]
    chance = random.Random(11)
    for _ in range(3000):
        classify(chance.choice(["", " "]).join(chance.choices(pieces, k=chance.randrange(1, 16))))
    for long in ("((", "$((", "[[ ", "<<A ", "case x in ", "bash <<A\n", "(( 1 ", "cat <<A;", "[[ $(", ";;", ")"):
        classify(long * (400_000 // len(long)))
