# SPDX-License-Identifier: Apache-2.0
"""Tokenisers beside their peers: whole processes, reading a file, one thread unless the title says.

TEXT names the text (default: this machine's licences and Bible, 20 MB); MULTILINGUAL a second one;
MODELS a folder with gpt2.json, cl100k_base.tiktoken, mistral01.model, xlnet_base_cased.model and
bert-vocab.txt, as they are published. Without MODELS the models are learnt here from the text. Words
after the script's name, or in ONLY, choose the titles that hold one of them.
"""

import os
import shutil
import subprocess
import sys
import tempfile

from pairing import compare, once, program, text

SIZE = int(os.environ.get("SIZE", 20_000_000))
ROUNDS = int(os.environ.get("ROUNDS", 3))
CHOSEN = sys.argv[1:] or os.environ.get("ONLY", "").split()
FOLDER = tempfile.mkdtemp(prefix="benchmark-")
MODELS = os.environ.get("MODELS")


def peer(name, code, *arguments, threads=1):
    """A command that runs `code` with a peer's module, or None after a line that says it is absent."""
    if subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True).returncode:
        print(f"tokenisation.py: skipped in part: {sys.executable} has no module {name}")
        return None
    counts = [f"{v}={threads}" for v in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS")]
    return ["env", *counts, sys.executable, "-c", f"import sys, {name}\n{code}", *arguments]


def against(title, ours, theirs, **more):
    """Compares if the title is chosen and there is a peer, which is made only then."""
    if CHOSEN and not any(word in title for word in CHOSEN):
        return
    theirs = theirs()
    if theirs:
        compare(title, ours, theirs, rounds=ROUNDS, peer=title.split(", ")[-1], **more)


def in_folder(name):
    return os.path.join(FOLDER, name)


def model(published, *learner):
    """A published model, or one that is learnt now by a command that writes to the last word given."""
    if MODELS:
        path = os.path.join(MODELS, published)
        return path if os.path.exists(path) else None
    path = in_folder(published)
    if not os.path.exists(path):
        once([*learner, corpus, "-o", path])
    return path


def saved(path, form):
    """The model of a file in another format."""
    once(["tokenize", "-m", path, "--save", form, "-o", in_folder(form)])
    return in_folder(form)


# Every peer reads the file as it likes best; none writes more than it has to.
GIGATOKEN = """
t = gigatoken.Tokenizer(sys.argv[1])
t.encode_files(gigatoken.TextFileSource([sys.argv[2]]), parallel=sys.argv[3] != "1")
"""
GIGATOKEN_TIKTOKEN = GIGATOKEN.replace(
    "gigatoken.Tokenizer(sys.argv[1])", "gigatoken.Tokenizer.from_tiktoken(sys.argv[1], pretokenizer=\"cl100k\")")
GIGATOKEN_SENTENCEPIECE = GIGATOKEN.replace(
    "gigatoken.Tokenizer(sys.argv[1])", "gigatoken.Tokenizer.from_sentencepiece(sys.argv[1])")
TIKTOKEN = """
import tiktoken.load
e = tiktoken.Encoding("x", pat_str=sys.argv[3], special_tokens={},
                      mergeable_ranks=tiktoken.load.load_tiktoken_bpe(sys.argv[1]))
for line in open(sys.argv[2], encoding="utf-8", errors="replace"): e.encode_ordinary(line)
"""
SENTENCEPIECE = """
m = sentencepiece.SentencePieceProcessor(model_file=sys.argv[1])
for line in open(sys.argv[2], encoding="utf-8", errors="replace"): m.encode(line.rstrip("\\n"))
"""
TOKIE = """
tokie.Tokenizer.from_json(sys.argv[1]).encode_files([sys.argv[2]], separator=b"\\n")
"""
NANOTOKEN = """
t = nanotoken.Tokenizer.from_vocab(sys.argv[1], lowercase=True)
t.encode_files(nanotoken.TextFileSource([sys.argv[2]]), parallel=False)
"""
DECODE = """
t = gigatoken.Tokenizer(sys.argv[1])
ids = t.encode(open(sys.argv[2], "rb").read())
for _ in range(int(sys.argv[3])): t.decode(ids)
"""
LEARN_GIGATOKEN = """
gigatoken.train_bpe(gigatoken.TextFileSource([sys.argv[1]]), int(sys.argv[2]), [])
"""
LEARN_FFBPE = """
ffbpe.train_bpe(open(sys.argv[1], encoding="utf-8", errors="replace"), vocab_size=int(sys.argv[2]))
"""
LEARN_RUSTBPE = """
t = rustbpe.Tokenizer()
t.train_from_iterator(open(sys.argv[1], encoding="utf-8", errors="replace"), int(sys.argv[2]))
"""
LEARN_TOKENIZERS = """
t = tokenizers.ByteLevelBPETokenizer()
t.train([sys.argv[1]], vocab_size=int(sys.argv[2]), min_frequency=1, show_progress=False)
"""
LEARN_YOUTOKENTOME = """
youtokentome.BPE.train(data=sys.argv[1], model="/dev/null", vocab_size=int(sys.argv[2]), n_threads=int(sys.argv[3]))
"""
LEARN_UNIGRAM = """
sentencepiece.SentencePieceTrainer.train(
    input=sys.argv[1], model_prefix=sys.argv[2], vocab_size=8000, model_type="unigram", num_threads=1,
    max_sentence_length=1 << 20, input_sentence_size=0, minloglevel=2)
"""
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$"
    r"|\s*[\r\n]|\s+(?!\S)|\s")


def learning(corpus):
    for size in (8000, 32000):
        for threads in (1, 2):
            ours = ["bpe-learn", "-q", f"-j{threads}", "--vocabulary", size, corpus]
            for name, code in (("gigatoken", LEARN_GIGATOKEN), ("ffbpe", LEARN_FFBPE),
                               ("rustbpe", LEARN_RUSTBPE), ("tokenizers", LEARN_TOKENIZERS),
                               ("youtokentome", LEARN_YOUTOKENTOME)):
                against(
                    f"learn {size // 1000}k, {threads} thread{'s' * (threads > 1)}, {name}", ours,
                    lambda: peer(name, code, corpus, str(size), str(threads), threads=threads),
                    wanted="3 (wall with 2 threads 2, memory 2)", size=os.path.getsize(corpus))


def byte_level(corpus, what):
    gpt2 = model("gpt2.json", "bpe-learn", "-q", "--vocabulary", "32000", "--format", "json")
    cl100k = model("cl100k_base.tiktoken", "true") if MODELS else None
    size = os.path.getsize(corpus)
    for threads in (1, 2):
        for path, code in ((gpt2, GIGATOKEN), (cl100k, GIGATOKEN_TIKTOKEN)):
            if path:
                against(
                    f"encode {what} {os.path.basename(path)}, {threads} thread{'s' * (threads > 1)}, gigatoken",
                    ["tokenize", "-q", f"-j{threads}", "-b", "-l0", "-m", path, corpus],
                    lambda: peer("gigatoken", code, path, corpus, str(threads), threads=threads), wanted=1.5, size=size)
    if cl100k:
        against(
            f"encode {what} cl100k_base.tiktoken, tiktoken",
            ["tokenize", "-q", "-j1", "-b", "-l0", "-m", cl100k, corpus],
            lambda: peer("tiktoken", TIKTOKEN, cl100k, corpus, CL100K), wanted=10, size=size)
    if gpt2:
        against(
            f"two threads of encoding {what}, one",
            ["tokenize", "-q", "-j2", "-b", "-l0", "-m", gpt2, corpus],
            lambda: ["tokenize", "-q", "-j1", "-b", "-l0", "-m", gpt2, corpus], wanted="wall 1.9")


def other_models(corpus):
    size = os.path.getsize(corpus)
    # A tenth for the peers that need a minute for all of it; rates compare.
    sentencepiece_bpe = model("mistral01.model", "true") if MODELS else None
    unigram = model(
        "xlnet_base_cased.model", "unigram-learn", "-q", "--vocabulary", "8000", "--format", "model")
    wordpiece = model("bert-vocab.txt", "wordpiece-learn", "-q", "--vocabulary", "16000")

    def ours(path, text=corpus):
        return ["tokenize", "-q", "--unk", "-j1", "-b", "-l0", "-m", path, text]

    if sentencepiece_bpe:
        against(
            "encode SentencePiece BPE, gigatoken", ours(sentencepiece_bpe),
            lambda: peer("gigatoken", GIGATOKEN_SENTENCEPIECE, sentencepiece_bpe, corpus, "1"),
            wanted=3, size=size)
        against(
            "encode SentencePiece BPE, spm_encode", ours(sentencepiece_bpe),
            lambda: program("spm_encode") and [
                "spm_encode", f"--model={sentencepiece_bpe}", "--output_format=id", corpus],
            wanted=60, size=size)
    against(
        "encode Unigram, sentencepiece", ours(unigram),
        lambda: peer("sentencepiece", SENTENCEPIECE, unigram, corpus), wanted=8, size=size)
    for kind, path in (("Unigram", unigram), ("WordPiece", wordpiece)):
        against(
            f"encode {kind}, tokie", ours(path), lambda: peer("tokie", TOKIE, saved(path, "json"), corpus),
            wanted=2, size=size)
    against(
        "encode WordPiece, nanotoken", ours(wordpiece),
        lambda: peer("nanotoken", NANOTOKEN, wordpiece, corpus), wanted=1.5, size=size)
    against(
        "learn Unigram 8k, 1 thread, sentencepiece",
        ["unigram-learn", "-q", "-j1", "--vocabulary", "8000", corpus],
        lambda: peer("sentencepiece", LEARN_UNIGRAM, corpus, in_folder("unigram")), wanted=4, size=size)


def decoding(corpus):
    gpt2 = model("gpt2.json", "bpe-learn", "-q", "--vocabulary", "32000", "--format", "json")
    if not gpt2 or (CHOSEN and not any(word in "decode" for word in CHOSEN)):
        return
    ids = in_folder("ids")
    once(["tokenize", "-q", "-b", "-l0", "-m", gpt2, corpus, "-o", ids])
    # The peer decodes in process: what a second decoding adds.
    if both := peer("gigatoken", DECODE, gpt2, corpus):
        _, without, _ = once(both + ["0"])
        _, with_two, _ = once(both + ["2"])
        _, mine, _ = once(["tokenize", "-d", "-j1", ids])
        size = os.path.getsize(corpus) / 1e6
        theirs = (with_two - without) / 2
        print(
            f"decode, gigatoken: ours {size / mine:.0f} MB/s, peer {size / theirs:.0f} MB/s; "
            f"ratio {theirs / mine:.2f}, wanted 5 and 1000 MB/s")


def start_up():
    line = in_folder("line")
    with open(line, "w") as file:
        file.write("hi\n")
    for name in ("gpt2.json", "cl100k_base.tiktoken", "mistral01.model"):
        path = model(name, "true") if MODELS else None
        if path:
            against(
                f"start-up {name}, spm_encode", ["tokenize", "--ids", "-m", path, line],
                lambda: program("spm_encode") and [
                    "spm_encode", f"--model={model('mistral01.model')}", line], wanted="40 ms")
    if MODELS:
        against(
            "start-up compiled, cat", ["tokenize", "--ids", "-m", saved(model("gpt2.json"), "compiled"), line],
            lambda: ["cat", line], wanted="5 ms")


def hostile():
    """One record without a split point: our rate only, what a longer text adds."""
    gpt2 = model("gpt2.json", "bpe-learn", "-q", "--vocabulary", "32000", "--format", "json")
    if not gpt2 or (CHOSEN and not any(word in "hostile" for word in CHOSEN)):
        return
    import random
    source = random.Random(1)
    letters = source.randbytes(20_000_000).translate(bytes(97 + i % 26 for i in range(256)))
    han = "".join(chr(0x4E00 + source.randrange(20902)) for _ in range(6_666_666)).encode()
    texts = {"one letter": b"a" * 20_000_000, "^": b"^" * 20_000_000, "spaces": b" " * 20_000_000,
             "newlines": b"\n" * 20_000_000, "random letters": letters, "random Han": han}
    for name, content in texts.items():
        times = []
        for count in (1_000_000, 20_000_000):
            path = in_folder("hostile")
            with open(path, "wb") as file:
                file.write(content[: count // 3 * 3])
            times.append(min(
                once(["tokenize", "-q", "-j1", "-b", "-l0", "-m", gpt2, path])[1] for _ in range(ROUNDS)))
        print(f"hostile, {name}: {19 / max(times[1] - times[0], 1e-3):.0f} MB/s, wanted 100")


corpus = text(SIZE) if not os.environ.get("TEXT") else os.environ["TEXT"]
try:
    learning(corpus)
    byte_level(corpus, "English")
    if os.environ.get("MULTILINGUAL"):
        byte_level(os.environ["MULTILINGUAL"], "multilingual")
    other_models(corpus)
    decoding(corpus)
    start_up()
    hostile()
finally:
    shutil.rmtree(FOLDER)
