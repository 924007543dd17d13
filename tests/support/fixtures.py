"""Mailboxes that transcripts start from, by the name in their head."""

from support.house import House

PLAIN = b"From: Fred Foobar <foobar@blurdybloop.example>\r\nTo: mooch@owatagu.siam.edu.example\r\nSubject: %s\r\n" + (
    b"Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)\r\nMessage-Id: <B27397-%d@Blurdybloop.example>\r\n\r\n"
    b"Hello Joe, %d\r\n"
)

TRIP = (
    b"From: travel@example.org\r\nTo: alice@example.org\r\nSubject: Your trip\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="trip"\r\n\r\n'
    b"--trip\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nSee the attachment.\r\n"
    b'--trip\r\nContent-Type: text/plain; charset=us-ascii; name="trip.txt"\r\n'
    b"Content-ID: <960723163407.20117h@washington.example.com>\r\nContent-Description: Your trip details\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8sIHRyYXZlbGxlciE=\r\n--trip--\r\n"
)


async def fill(house: House, name: str) -> None:
    """``empty``; ``one`` … ``five``: so many plain messages; ``trip``: the multipart of RFC 5550 §8.4."""
    if name == "trip":
        await house.put(TRIP)
        return
    count = ("empty", "one", "two", "three", "four", "five").index(name)
    for number in range(1, count + 1):
        await house.put(PLAIN % (b"afternoon meeting %d" % number, number, number))
