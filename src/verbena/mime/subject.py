"""The base subject, by which SORT and THREAD compare subjects (RFC 5256 §2.1, §5): full.

    subject         = *subj-leader [subj-middle] *subj-trailer
    subj-refwd      = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
    subj-blob       = "[" *BLOBCHAR "]" *WSP
    subj-leader     = (*subj-blob subj-refwd) / WSP
    subj-trailer    = "(fwd)" / WSP
    subj-fwd        = "[fwd:" subject "]"

Takes time linear in the subject's length but for ``[fwd:``, of which ``MAX_ROUNDS`` are undone.
"""

from typing import Final

from verbena.mime.header import decode_words

MAX_ROUNDS: Final = 64


def base_subject(value: bytes) -> tuple[str, bool]:
    """The base subject of an unfolded Subject value, in its own case, and whether it was a reply or forward.

    The flag is what RFC 5256 §3 step 5 asks: something other than white space and blobs was taken away.
    """
    text = " ".join(decode_words(value).replace("\t", " ").replace("\r", " ").replace("\n", " ").split(" "))
    text = _squeeze(text)
    was_reply = False
    for _ in range(MAX_ROUNDS):
        text, trimmed = _strip_trailers(text)
        was_reply = was_reply or trimmed
        text, trimmed = _strip_leaders(text)
        was_reply = was_reply or trimmed
        if text[:5].lower() != "[fwd:" or not text.endswith("]"):
            break
        text = text[5:-1]
        was_reply = True
    return text, was_reply


def _squeeze(text: str) -> str:
    """Runs of spaces made one."""
    return " ".join([word for word in text.split(" ") if word]) if "  " in text else text


def _strip_trailers(text: str) -> tuple[str, bool]:
    """Step 2."""
    end = _skip_spaces_back(text, len(text))
    trimmed = False
    while text[max(end - 5, 0) : end].lower() == "(fwd)":
        end = _skip_spaces_back(text, end - 5)
        trimmed = True
    return text[:end], trimmed


def _strip_leaders(text: str) -> tuple[str, bool]:
    """Steps 3 to 5, by offsets into the text."""
    trimmed = False
    at = _skip_spaces(text, 0)
    while True:
        end = _leader_end(text, at)
        if end > at:
            trimmed = True
            at = _skip_spaces(text, end)
            continue
        end = _blob_end(text, at)
        if end < 0 or end >= len(text):
            return text[at:], trimmed
        at = end


def _skip_spaces(text: str, at: int) -> int:
    while at < len(text) and text[at] == " ":
        at += 1
    return at


def _skip_spaces_back(text: str, at: int) -> int:
    while at > 0 and text[at - 1] == " ":
        at -= 1
    return at


def _blob_end(text: str, at: int) -> int:
    """Behind the subj-blob and its white space at ``at``; -1 when there is none."""
    if text[at : at + 1] != "[":
        return -1
    close = text.find("]", at + 1)
    if close < 0 or text.find("[", at + 1, close) >= 0:
        return -1
    return _skip_spaces(text, close + 1)


def _leader_end(text: str, at: int) -> int:
    """Behind ``*subj-blob subj-refwd`` at ``at``; ``at`` itself when there is none.

    Only a subj-refwd right here is looked for: blobs before one are taken by step 4 one at a time, with the
    same outcome, because a subj-refwd behind them leaves the rest non-empty at that moment.
    """
    word = text[at : at + 3].lower()
    if word == "fwd":
        end = at + 3
    elif word[:2] == "re" or word[:2] == "fw":
        end = at + 2
    else:
        return at
    end = _skip_spaces(text, end)
    blob = _blob_end(text, end)
    if blob >= 0:
        end = blob
    return end + 1 if text[end : end + 1] == ":" else at
