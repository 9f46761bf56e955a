# SPDX-License-Identifier: Apache-2.0
"""Ids of `tokenize` beside those of `tokenizers`, `tiktoken` and `sentencepiece`, in both directions.

  tokenizers.py [NAME...]    compares live, with the programs on the PATH; NAMEs pick cases by substring
  tokenizers.py record DIR   writes the fixtures of TokenizerConformanceTests.swift

Small models of every kind and component are trained here; with TOKENIZERS=DIR real files in DIR are
compared too, and with CORPUS=FILE more text. Needs tokenizers; sentencepiece, tiktoken and subword-nmt where there.
"""

import base64
import glob
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import unicodedata

# The script has the library's name: its own folder must not be searched for it.
sys.path.pop(0)
try:
    import tokenizers
    from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                            processors, trainers)
except ImportError as error:
    print(f"tokenizers.py: skipped: {error}")
    sys.exit(0)

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def lines_of(path, limit):
    with open(path, "rb") as file:
        text = file.read(limit).decode("utf-8", "ignore")
    return [line for line in text.split("\n") if line]


def corpus(size=60_000):
    """English, source code, seven languages where Debian's pages are there."""
    lines = []
    for path in ["/usr/share/common-licenses/GPL-3", "/usr/include/stdio.h", "/usr/include/math.h"]:
        if os.path.exists(path):
            lines += lines_of(path, size)
    for path in os.environ.get("CORPUS", "").split(":"):
        if path:
            lines += lines_of(path, 10 * size)
    for language in "de es fr ja pl ru zh_CN".split():
        pages = sorted(glob.glob(f"/usr/share/man/{language}/man1/*.gz"))[:3]
        for page in pages:
            import gzip
            lines += gzip.open(page).read().decode("utf-8", "ignore").split("\n")[:300]
    lines += SAMPLES
    return [line.replace("\r", " ") for line in lines]


SAMPLES = [
    "Die Straße führt über große Brücken, größer als früher; Äpfel, Öl und Übung.",
    "El niño comió una manzana; ¿qué más quería? ¡Nada!", "L'été, où êtes-vous allés? Ça va bien, œuvre.",
    "吾輩は猫である。名前はまだ無い。カタカナ、ﾊﾝｶｸ。", "Zażółć gęślą jaźń, proszę.",
    "Все счастливые семьи похожи друг на друга.", "天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。",
    "안녕하세요 세계", "नमस्ते दुनिया", "مرحبا بالعالم", "שלום עולם", "สวัสดีชาวโลก",
]


def hostile():
    """Code points in runs, spaces of all kinds, marks, invalid-looking text; no line feed in any."""
    lines = ["", " ", "  ", " a", "a ", "  a  b  ", "a\tb", "a\r\nb".replace("\n", ""), "\u00a0x\u3000y\u2028z\u0085",
             "e\u0301", "\u0301e", "ﬁ ① Ⅷ ½ ２ ㎏ ｶﾞ ー", "İstanbul ΣΑΣ ς", "👩‍👩‍👧‍👦 🇩🇪 ☎️ 🏳️‍🌈", "don't I'll WE'VE 'S it's",
             "▁ literal ▁▁", "<0x41> <unk> <s> </s> [CLS] [MASK] x", "a.b,c;d!e?f", "x" * 300, "^" * 300, " " * 40 + "x",
             "1234567890 12 3", "foo_bar==baz->qux", "\x00\x01\x7f", "가각힣ㄱㅏ", "क्षि", "ﷺ", "\ufeffbom", "a\u200db", "A" * 150]
    lines += [chr(first) + "".join(chr(c) for c in range(first, first + 64) if not 0xD800 <= c < 0xE000 and c != 10)
              for first in list(range(32, 0x3400, 64)) + list(range(0xA000, 0xAE00, 64)) + list(range(0xF900, 0x10000, 64))
              + list(range(0x10000, 0x10400, 64)) + list(range(0x1F000, 0x1FB00, 64))]
    generator = random.Random(7)
    pool = [" ", "  ", "a", "B", "é", "1", "'", "s", ".", "-", "日", "ж", "\u0301", "\t", "▁", "İ", "ﬁ", "_", "\u00a0", "😀"]
    lines += ["".join(generator.choice(pool) for _ in range(generator.randrange(1, 40))) for _ in range(400)]
    return lines


def every_code_point():
    return ["a " + chr(c) + " b" + chr(c) + chr(c) + "c" for c in range(32, 0x110000) if not 0xD800 <= c < 0xE000]


def run(*arguments, text=None):
    done = subprocess.run(["tokenize", "-q", *arguments], input=text, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode("utf-8", "replace").strip())
    return done.stdout


def ours(model, lines, *options):
    output = run("-m", model, "--ids", *options, text=("\n".join(lines) + "\n").encode())
    return [[int(id) for id in line.split()] for line in output.decode().split("\n")[:-1]]


failures = []


def without_script(lines):
    """Characters that the library's table of scripts, older than all its others, does not know: they join both an
    `a` and a `ж`."""
    split = pre_tokenizers.UnicodeScripts().pre_tokenize_str
    return {c for c in set("".join(lines)) - {" "} if all(len(split(before + c)) == 1 for before in "aж")}


def compare(name, expected, actual, lines):
    # The library's normalisation forms and lower case are those of other versions of Unicode: lines on which
    # they are not Python's.
    older = {i for i, line in enumerate(lines) if any(
        getattr(normalizers, form)().normalize_str(line) != unicodedata.normalize(form, line) for form in ("NFC", "NFD", "NFKC", "NFKD"))
        or normalizers.Lowercase().normalize_str(line) != "".join(map(str.lower, line))}
    if "scripts" in name:
        newer = without_script(lines)
        older |= {i for i, line in enumerate(lines) if not newer.isdisjoint(line)}
    wrong = [i for i, (a, b) in enumerate(zip(expected, actual)) if a != b]
    newer = [i for i in wrong if i in older]
    wrong = [i for i in wrong if i not in older]
    if len(expected) != len(actual):
        wrong.append(min(len(expected), len(actual)))
    print(f"{'ok  ' if not wrong else 'FAIL'} {name}: {len(lines)} lines, {len(wrong)} differ" + (f", {len(newer)} more by its version of Unicode" if newer else ""), flush=True)
    for i in wrong[:4]:
        print(f"     {lines[i]!r:.120}\n       theirs {expected[i]}\n       ours   {actual[i]}")
    if wrong:
        failures.append(name)


def theirs(tokenizer, lines, templated=False):
    tokenizer.encode_special_tokens = True
    return [e.ids for e in tokenizer.encode_batch(lines, add_special_tokens=templated)]


# Chains: name -> tokenizer, trained on the corpus.

def trained(model, trainer, normalizer=None, pre=None, decoder=None, lines=None):
    tokenizer = Tokenizer(model)
    if normalizer: tokenizer.normalizer = normalizer
    if pre: tokenizer.pre_tokenizer = pre
    if decoder: tokenizer.decoder = decoder
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def charsmap():
    """The map of SentencePiece's nmt_nfkc, from a model that it trains."""
    import sentencepiece
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SAMPLES), model_writer=model, vocab_size=200, hard_vocab_limit=False, minloglevel=2)
    return field(field(model.getvalue(), 3), 2)


def field(message, number):
    """The bytes of a field of a protobuf message."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(message):
        tag = varint()
        if tag & 7 == 0:
            varint()
        elif tag & 7 == 2:
            count = varint()
            at += count
            if tag >> 3 == number:
                return message[at - count:at]
        else:
            at += 4 if tag & 7 == 5 else 8


def chains(lines, most=1500):
    """Trained tokenizers by name; none has more than `most` pieces, but for the alphabet of bytes."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    N, P, D = normalizers, pre_tokenizers, decoders

    def bpe(normalizer=None, pre=None, decoder=None, size=900, **options):
        affixes = {key: value for key, value in options.items() if key in ("end_of_word_suffix", "continuing_subword_prefix")}
        trainer = trainers.BpeTrainer(
            vocab_size=min(size, most), show_progress=False, special_tokens=["<unk>", "<s>", "</s>"],
            initial_alphabet=options.pop("alphabet", []), **affixes)
        return trained(models.BPE(unk_token="<unk>", **options), trainer, normalizer, pre, decoder, lines)

    def byte(pre, normalizer=None, size=900, **options):
        return bpe(normalizer, pre, D.ByteLevel(), size, alphabet=alphabet, **options)

    def level(normalizer=None, pre=None):
        return trained(models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer(
            vocab_size=most, special_tokens=["<unk>"], show_progress=False), normalizer, pre, None, lines)

    def unigram(normalizer=None, pre=None, **options):
        # The trainer keeps every character: those of the samples and ASCII.
        text = [line for line in lines if line.isascii()] + SAMPLES
        return trained(models.Unigram(), trainers.UnigramTrainer(
            vocab_size=min(700, most), special_tokens=["<unk>", "<s>"], unk_token="<unk>", show_progress=False), normalizer, pre, D.Metaspace(), text)

    split = lambda regex, behavior="isolated", invert=False: P.Split(Regex(regex), behavior, invert)
    yield "byte-level", byte(P.ByteLevel(add_prefix_space=False))
    yield "byte-level prefix", byte(P.ByteLevel(add_prefix_space=True))
    yield "byte-level NFC", byte(P.ByteLevel(add_prefix_space=False), N.NFC())
    yield "byte-level ignore_merges", byte(P.ByteLevel(add_prefix_space=False), ignore_merges=True)
    yield "byte-level digits", byte(P.Sequence([P.Digits(individual_digits=True), P.ByteLevel(add_prefix_space=False)]))
    yield "byte-level deepseek", byte(P.Sequence([
        split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"),
        split(r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
        P.ByteLevel(add_prefix_space=False, use_regex=False)]))
    yield "byte-level kimi", byte(P.Sequence([
        split(r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
        P.ByteLevel(add_prefix_space=False, use_regex=False)]))
    yield "byte-level possessive", byte(P.Sequence([split(
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"), P.ByteLevel(add_prefix_space=False, use_regex=False)]))
    yield "byte-level general gpt2", byte(P.Sequence([split("(?:" + GPT2 + ")"), P.ByteLevel(add_prefix_space=False, use_regex=False)]))
    yield "byte-level normaliser", byte(None, N.Sequence([N.NFKC(), N.ByteLevel()]))
    yield "bpe suffix", bpe(N.Lowercase(), P.Whitespace(), D.BPEDecoder(), end_of_word_suffix="</w>")
    yield "bpe prefix", bpe(None, P.WhitespaceSplit(), None, continuing_subword_prefix="##")
    yield "bpe fuse_unk", bpe(None, P.Whitespace(), fuse_unk=True)
    yield "bpe metaspace always", bpe(None, P.Metaspace(), D.Metaspace())
    yield "bpe metaspace first", bpe(None, P.Metaspace(prepend_scheme="first", split=False), D.Metaspace(prepend_scheme="first"))
    yield "bpe metaspace never", bpe(None, P.Metaspace(prepend_scheme="never"), D.Metaspace(prepend_scheme="never"))
    yield "bpe llama normaliser", bpe(N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), None, D.Sequence([
        D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)]), fuse_unk=True)
    fallback = json.loads(bpe(None, P.Metaspace(), D.Metaspace()).to_str())
    for value in range(256):
        fallback["model"]["vocab"][f"<0x{value:02X}>"] = len(fallback["model"]["vocab"])
    fallback["model"]["byte_fallback"] = True
    yield "bpe byte fallback", Tokenizer.from_str(json.dumps(fallback))
    for form in (N.NFC, N.NFD, N.NFKC, N.NFKD, N.StripAccents, N.Lowercase, N.Nmt):
        yield f"level {form.__name__}", level(form(), P.WhitespaceSplit())
    yield "level strip", level(N.Strip(), P.CharDelimiterSplit(" "))
    yield "level strip right", level(N.Strip(left=False), P.CharDelimiterSplit("e"))
    yield "level replace", level(N.Sequence([N.Replace(Regex(r"\s{2,}"), " "), N.Replace(Regex("[aeiou]+"), "*"), N.Replace("th", "TH")]), P.Whitespace())
    yield "level accents", level(N.Sequence([N.NFD(), N.StripAccents(), N.Lowercase()]), P.BertPreTokenizer())
    yield "level bert", level(N.BertNormalizer(), P.BertPreTokenizer())
    yield "level bert cased", level(N.BertNormalizer(lowercase=False, strip_accents=True, handle_chinese_chars=False), P.BertPreTokenizer())
    for behavior in "removed isolated merged_with_previous merged_with_next contiguous".split():
        yield f"level punctuation {behavior}", level(None, P.Punctuation(behavior))
        yield f"level split {behavior}", level(None, split(r"[aeiou]|\d+", behavior))
        yield f"level split inverted {behavior}", level(None, split(r"\w+?\b|.", behavior, True))
    yield "level whitespace", level(None, P.Whitespace())
    yield "level digits", level(None, P.Sequence([P.Whitespace(), P.Digits()]))
    yield "level scripts", level(None, P.Sequence([P.UnicodeScripts()]))
    if hasattr(P, "FixedLength"):
        yield "level fixed", level(None, P.FixedLength(3))
    yield "level look-around", level(None, split(r"(?<=[a-z])(?=[A-Z])|(?<![0-9])[0-9]{2,3}(?![0-9])|(?i)the|x*?y|a(?:b|c){1,2}"))
    wordpiece = trained(models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer(
        vocab_size=min(900, most), special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False),
        N.BertNormalizer(), P.BertPreTokenizer(), D.WordPiece(cleanup=False), lines)
    yield "wordpiece", wordpiece
    yield "unigram metaspace", unigram(None, P.Metaspace())
    yield "unigram whitespace", unigram(N.NFKC(), P.Whitespace())
    try:
        yield "unigram precompiled", unigram(N.Sequence([N.Precompiled(charsmap()), N.Replace(Regex(" {2,}"), " ")]), P.Metaspace())
    except ImportError as error:
        print(f"skip precompiled: {error}")
    added = byte(P.ByteLevel(add_prefix_space=False), N.Lowercase())
    added.add_tokens([AddedToken("Zażółć", single_word=True), AddedToken("foo", lstrip=True, rstrip=True, normalized=False),
                      AddedToken("THE", normalized=True), AddedToken("x", single_word=True, normalized=False), AddedToken("été", rstrip=True)])
    yield "added tokens", added


def check_chains(lines, pick):
    with tempfile.TemporaryDirectory() as folder:
        for name, tokenizer in chains(lines):
            if pick and not any(word in name for word in pick):
                continue
            path, again = f"{folder}/t.json", f"{folder}/again.json"
            tokenizer.save(path)
            text = lines[:3000] + hostile()
            try:
                expected = theirs(tokenizer, text)
                actual = ours(path, text)
                # The library reads back other numbers than it wrote: where that changes its own ids, none is right.
                again_theirs = theirs(Tokenizer.from_file(path), text)
                unsure = [i for i, (a, b) in enumerate(zip(expected, again_theirs)) if a != b]
                if unsure:
                    print(f"     {name}: the library, read back, differs from itself on {len(unsure)} lines, left out")
                    text, expected, actual = ([x for i, x in enumerate(l) if i not in unsure] for l in (text, expected, actual))
                compare(name, expected, actual, text)
                open(again, "wb").write(run("-m", path, "--save", "json"))
                saved = Tokenizer.from_file(again)
                compare(name + ", written by us", actual, theirs(saved, text), text)
                check_offsets(name, tokenizer, path, text)
                check_decoding(name, tokenizer, path, text, expected)
            except RuntimeError as error:
                print(f"FAIL {name}: {error}")
                failures.append(name)


def check_offsets(name, tokenizer, path, lines):
    """Characters that the tokens stand on; bytes of one character count as the whole in both."""
    tokenizer.encode_special_tokens = True
    output = run("-m", path, "--offsets", "characters", text=("\n".join(lines) + "\n").encode()).decode().split("\n")
    wrong = 0
    shown = None
    for line, spans in zip(lines, output):
        expected = tokenizer.encode(line, add_special_tokens=False).offsets
        actual = [tuple(map(int, span.split(":"))) for span in spans.split()]
        if expected != actual:
            wrong += 1
            shown = shown or (line, expected, actual)
    print(f"     {name}: offsets of {wrong} of {len(lines)} lines differ" + (f": {shown!r:.300}" if shown else ""))


def check_decoding(name, tokenizer, path, lines, ids):
    if tokenizer.decoder is None:
        return
    text = "\n".join(" ".join(map(str, line)) for line in ids) + "\n"
    output = run("-d", "--ids", "-m", path, text=text.encode()).decode("utf-8", "replace").split("\n")
    expected = [tokenizer.decode(line, skip_special_tokens=False) for line in ids]
    wrong = [(line, a, b) for line, a, b in zip(lines, expected, output) if a != b and "\n" not in a and "\ufffd" not in a]
    print(f"     {name}: decoding of {len(wrong)} lines differs" + (f": {wrong[0]!r:.300}" if wrong else ""))


def check_sentencepiece(lines, pick):
    try:
        import sentencepiece
    except ImportError as error:
        return print(f"skip sentencepiece: {error}")
    for kind in ("unigram", "bpe"):
        for options in ({}, {"byte_fallback": True}, {"normalization_rule_name": "identity", "remove_extra_whitespaces": False},
                        {"user_defined_symbols": ["foo", "▁bar", "日"]}, {"treat_whitespace_as_suffix": True},
                        {"split_by_whitespace": False}):
            name = f"sentencepiece {kind} {' '.join(options)}"
            if pick and not any(word in name for word in pick):
                continue
            model = io.BytesIO()
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines), model_writer=model, vocab_size=900, model_type=kind,
                hard_vocab_limit=False, character_coverage=0.99, minloglevel=2, **options)
            with tempfile.TemporaryDirectory() as folder:
                path = f"{folder}/m.model"
                open(path, "wb").write(model.getvalue())
                processor = sentencepiece.SentencePieceProcessor(model_file=path)
                text = [line.replace("\x00", "") for line in lines[:3000] + hostile()]
                expected = [processor.encode(line) for line in text]
                compare(name, expected, ours(path, text), text)
                compare(name + ", chain", expected, chain(path, text), text)
                open(f"{folder}/again.model", "wb").write(run("-m", path, "--save", "sentencepiece"))
                again = sentencepiece.SentencePieceProcessor(model_file=f"{folder}/again.model")
                compare(name + ", written by us", expected, [again.encode(line) for line in text], text)
                if "treat_whitespace_as_suffix" in options:
                    continue
                open(f"{folder}/t.json", "wb").write(run("-m", path, "--save", "json"))
                converted = Tokenizer.from_file(f"{folder}/t.json")
                plain = lines[:3000]
                differ = sum(a != b for a, b in zip(theirs(converted, plain), [processor.encode(l) for l in plain]))
                print(f"     {name}: as json, {differ} of {len(plain)} lines differ (the library works by grapheme)")


def chain(path, lines):
    """Ids by the general engine, which --template asks for."""
    return ours(path, lines, "--template")


def check_tiktoken(lines, pick):
    try:
        import tiktoken
    except ImportError as error:
        return print(f"skip tiktoken: {error}")
    if pick and "tiktoken" not in pick:
        return
    for _ in range(1):
        with tempfile.TemporaryDirectory() as folder:
            trainer = trainers.BpeTrainer(vocab_size=900, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
            tokenizer = trained(models.BPE(), trainer, None, pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel(), lines)
            tokenizer.save(f"{folder}/t.json")
            saved = run("-m", f"{folder}/t.json", "--save", "tiktoken")
            open(f"{folder}/t.tiktoken", "wb").write(saved)
            ranks = {base64.b64decode(a): int(b) for a, b in (line.split() for line in saved.splitlines())}
            encoding = tiktoken.Encoding("t", pat_str=GPT2, mergeable_ranks=ranks, special_tokens={})
            text = lines[:3000] + hostile()
            expected = [encoding.encode_ordinary(line) for line in text]
            compare("tiktoken, written by us", expected, ours(f"{folder}/t.tiktoken", text, "--pattern", "gpt2"), text)
            open(f"{folder}/again.json", "wb").write(run("-m", f"{folder}/t.tiktoken", "--pattern", "gpt2", "--save", "json"))
            compare("tiktoken as json", expected, theirs(Tokenizer.from_file(f"{folder}/again.json"), text), text)


def check_real(folder, lines, pick):
    """Files of published models; every code point too."""
    for path in sorted(glob.glob(f"{folder}/*")):
        name = os.path.basename(path)
        if pick and "files" not in pick and not any(word in name for word in pick):
            continue
        text = lines + hostile() + every_code_point()[:: 1 if not os.environ.get("QUICK") else 50]
        templated = None
        if path.endswith(".json"):
            # A vocab.json may have the piece "model".
            if not isinstance(json.load(open(path)).get("model"), dict):
                continue
            expected = theirs(Tokenizer.from_file(path), text)
            templated = theirs(Tokenizer.from_file(path), text[:2000], True)
        elif path.endswith(".model"):
            import sentencepiece
            processor = sentencepiece.SentencePieceProcessor(model_file=path)
            expected = [processor.encode(line) for line in text]
        elif path.endswith(".tiktoken"):
            import tiktoken
            ranks = {base64.b64decode(a): int(b) for a, b in (l.split() for l in open(path, "rb").read().splitlines())}
            expected = [e for e in tiktoken.Encoding(
                "c", pat_str=r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s""",
                mergeable_ranks=ranks, special_tokens={}).encode_ordinary_batch(text)]
        else:
            continue
        compare(name, expected, ours(path, text), text)
        compare(name + ", chain", templated or expected[:2000], chain(path, text[:2000]), text[:2000])


RECORDED = ["byte-level NFC", "byte-level deepseek", "byte-level normaliser", "bpe suffix", "bpe prefix", "bpe metaspace first",
            "bpe byte fallback", "level NFKD", "level accents", "level bert", "level punctuation merged_with_next", "level split contiguous",
            "level look-around", "level scripts", "wordpiece", "unigram metaspace", "added tokens"]


def record(folder):
    """Tokenizers trained on the samples above, lines of text, and the library's ids of them."""
    lines = SAMPLES + hostile()[:32]
    open(f"{folder}/lines.txt", "w", newline="").write("\n".join(lines) + "\n")
    for name, tokenizer in chains(SAMPLES * 3, 330):
        if name in RECORDED:
            stem = f"{folder}/{name.replace(' ', '-')}"
            open(f"{stem}.json", "w").write(tokenizer.to_str() + "\n")
            open(f"{stem}.ids", "w").write("".join(" ".join(map(str, ids)) + "\n" for ids in theirs(tokenizer, lines)))


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["record"]:
        return record(arguments[1])
    lines = corpus()
    if not {"sentencepiece", "tiktoken", "files"} & set(arguments):
        check_chains(lines, arguments)
    check_sentencepiece(lines, arguments)
    check_tiktoken(lines, arguments)
    if os.environ.get("TOKENIZERS"):
        check_real(os.environ["TOKENIZERS"], lines, arguments)
    if failures:
        sys.exit("tokenizers.py: differ: " + "; ".join(failures))
    print(f"tokenizers.py: all equal, tokenizers {tokenizers.__version__}")


if __name__ == "__main__":
    main()
