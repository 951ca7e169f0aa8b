"""A vocabulary in the manner of SentencePiece: learning one, and text to tokens as readers of GGUF files do it.

A space becomes U+2581 and one is put before the text; then, among all neighbours whose joined text is a token, those
with the highest score are joined, the leftmost first, until none is left. What is no token by then becomes bytes."""

import collections
import heapq
import re

SPACE = "\u2581"
UNKNOWN, BEGIN, END = 0, 1, 2
FIRST_BYTE = 3
NORMAL_TYPE, UNKNOWN_TYPE, CONTROL_TYPE, BYTE_TYPE = 1, 2, 3, 6
WORD = re.compile(f"{SPACE}?[A-Za-z]+|{SPACE}?[^A-Za-z{SPACE}\n]+|{SPACE}")


def learn(texts, size):
    """Tokens, scores and types of a vocabulary of `size`, learnt from the texts by joining the most frequent pair again
    and again (byte-pair encoding). No token reaches over the end of a word."""
    counts = collections.Counter()
    for text in texts:
        counts.update(WORD.findall(SPACE + text.replace(" ", SPACE)))
    words = [(list(word), count) for word, count in sorted(counts.items())]
    letters = sorted({letter for word, _ in words for letter in word} | {chr(code) for code in range(33, 127)})
    joined = []
    while FIRST_BYTE + 256 + len(joined) + len(letters) < size:
        pairs = collections.Counter()
        for word, count in words:
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        left, right = max(pairs, key=lambda pair: (pairs[pair], pair))
        for word, _ in words:
            at = 0
            while at + 1 < len(word):
                if word[at] == left and word[at + 1] == right:
                    word[at:at + 2] = [left + right]
                at += 1
        if left + right not in joined:
            joined.append(left + right)
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)] + joined + letters
    scores = [0.0] * (FIRST_BYTE + 256) + [-float(rank) for rank in range(len(joined) + len(letters))]
    types = [UNKNOWN_TYPE, CONTROL_TYPE, CONTROL_TYPE] + [BYTE_TYPE] * 256
    types += [NORMAL_TYPE] * (size - len(types))
    return tokens, scores, types


class Tokenizer:
    """Text to token ids and back for a vocabulary of `learn` or of a GGUF file."""

    def __init__(self, tokens, scores, types):
        self.tokens, self.scores, self.types = tokens, scores, types
        self.ids = {token: at for at, (token, kind) in enumerate(zip(tokens, types)) if kind == NORMAL_TYPE}
        self.byte_ids = {int(token[3:5], 16): at for at, (token, kind) in enumerate(zip(tokens, types))
                         if kind == BYTE_TYPE}
        self.inner_space = any(SPACE in token[1:] for token in self.ids)
        self.cache = {}

    def encode(self, text, begin=True):
        """The ids of a text, after <s> if `begin`."""
        ids = [BEGIN] if begin else []
        if not text:
            return ids
        text = SPACE + text.replace(" ", SPACE)
        # Without tokens that go on after a space, words do not see each other, and most words come again.
        for word in [text] if self.inner_space else re.findall(f"{SPACE}?[^{SPACE}]+|{SPACE}", text):
            if word not in self.cache:
                self.cache[word] = self.join(word)
            ids += self.cache[word]
        return ids

    def join(self, text):
        pieces = list(text)
        following = list(range(1, len(pieces) + 1))
        before = list(range(-1, len(pieces) - 1))
        queue = []

        def consider(left):
            if left >= 0 and following[left] < len(pieces):
                token = pieces[left] + pieces[following[left]]
                if token in self.ids:
                    heapq.heappush(queue, (-self.scores[self.ids[token]], left, following[left], token))

        for left in range(len(pieces)):
            consider(left)
        while queue:
            _, left, right, token = heapq.heappop(queue)
            if pieces[left] is None or pieces[right] is None or pieces[left] + pieces[right] != token:
                continue  # one of the two was joined with another in the meantime
            pieces[left], pieces[right] = token, None
            following[left] = following[right]
            if following[left] < len(pieces):
                before[following[left]] = left
            consider(before[left])
            consider(left)
        ids = []
        for piece in pieces:
            if piece in self.ids:
                ids.append(self.ids[piece])
            elif piece is not None:
                ids += [self.byte_ids[byte] for byte in piece.encode("utf-8")]
        return ids

    def decode(self, ids):
        """The text of ids, without control tokens and without the space before the text."""
        data = b""
        for token_id in ids:
            if self.types[token_id] == BYTE_TYPE:
                data += bytes([int(self.tokens[token_id][3:5], 16)])
            elif self.types[token_id] == NORMAL_TYPE:
                data += self.tokens[token_id].replace(SPACE, " ").encode("utf-8")
        text = data.decode("utf-8", errors="replace")
        return text[1:] if text.startswith(" ") else text
