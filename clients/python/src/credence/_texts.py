"""The texts that lie beside a log, against the digests in its entries (docs/reference/texts.md)."""

from credence._wire import Broken, fields, last_value, sha256

DIGESTS = 100  # the field of a payload that holds the digests of its texts
WIDTH = 256  # entries in a bundle


def text_path(index):
    digits = f"{index % 1000:03}"
    while index >= 1000:
        index //= 1000
        digits = f"x{index % 1000:03}/{digits}"
    return f"text/{digits}"


class Texts:
    """Takes entries one after another, and the bundle of their texts after each 256."""

    def __init__(self, directory, size):
        self.directory, self.size = directory, size
        self.digests = {}  # of the bundle at hand: (position, field): digest
        self.claimed = {}  # (position, field): the event that is said to have erased it
        self.erased = {}  # (position, field): the event that says that it erased it
        self.shown = self.gone = self.hidden = 0

    def take(self, position, kind, payload):
        if kind == "TextsErased":
            self._take_erasure(position, payload)
            return
        for number, wire, value in fields(payload):
            if number != DIGESTS or wire != 2:
                continue
            place = (position, last_value(value, 1, 2, b"").decode())
            digest = last_value(value, 2, 2, b"")
            if not place[1] or len(digest) != 32 or place in self.digests:
                raise ValueError("the entry has a malformed digest of a text")
            self.digests[place] = digest

    def _take_erasure(self, position, payload):
        for number, wire, text in fields(payload):
            if number != 1 or wire != 2:
                continue
            of = last_value(text, 1, 0, 0)
            for inner, kind, field in fields(text):
                if inner != 3 or kind != 2:
                    continue
                place = (of, field.decode())
                if of >= position or place in self.erased:
                    raise ValueError(f"the event erases a text of the entry at {of} that it cannot")
                self.erased[place] = position

    def _bundle(self, index):
        """(position, field), salt, text and erasing event of each text; None without a file."""
        path = self.directory / text_path(index)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        texts = []
        try:
            for number, wire, value in fields(data):
                if number == 1 and wire == 2:
                    place = (last_value(value, 1, 0, 0), last_value(value, 2, 2, b"").decode())
                    texts.append((place, last_value(value, 3, 2, b""), last_value(value, 4, 2, b""),
                                  last_value(value, 5, 0, None)))
        except ValueError as error:
            raise Broken(f"{text_path(index)}: is not a bundle of texts") from error
        return texts

    def end_bundle(self, index):
        if not self.digests:
            return
        for place, salt, text, event in self._bundle(index) or []:
            if place[0] >= self.size:
                continue
            if place not in self.digests:
                raise Broken(f"the entry has no digest of the text {place[1]}", place[0])
            if event is not None:
                self.gone += 1
                if event < self.size:
                    self.claimed[place] = event
            elif not salt:
                continue
            elif sha256(salt + text) != self.digests[place]:
                raise Broken(f"the text {place[1]} does not have the digest that the entry says",
                             place[0])
            else:
                self.shown += 1
            del self.digests[place]
        self.hidden += len(self.digests)
        self.digests = {}

    def finish(self):
        for place, event in self.claimed.items():
            if self.erased.get(place) != event:
                raise Broken(f"the text {place[1]} is said to be erased by the event {event}, which "
                             "does not say so", place[0])
        for place, event in self.erased.items():
            if place in self.claimed:
                continue
            for shown, _, text, _ in self._bundle(place[0] // WIDTH) or []:
                if shown == place and text:
                    raise Broken(f"the text {place[1]} is shown, though the event {event} erased it",
                                 place[0])
