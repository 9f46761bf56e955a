# SPDX-License-Identifier: Apache-2.0
"""Our recurrent networks beside PyTorch's.

  pytorch.py record FOLDER   writes the fixtures of PyTorchTests.swift
  pytorch.py                 compares live, with the programs on the PATH

Needs torch and safetensors.
"""

import os
import subprocess
import sys
import tempfile

try:
    import torch
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file
except ImportError as error:
    print(f"pytorch.py: skipped: {error}")
    sys.exit(0)

CELLS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "tanh": torch.nn.RNN, "relu": torch.nn.RNN}


class Model(torch.nn.Module):
    """The network of PyTorch's word_language_model example, without dropout."""

    def __init__(self, cell, inputs, outputs, embed, hidden, layers, tied=False):
        super().__init__()
        options = {"nonlinearity": cell} if cell in ("tanh", "relu") else {}
        self.encoder = torch.nn.Embedding(inputs, embed)
        self.rnn = CELLS[cell](embed, hidden, layers, **options)
        self.decoder = torch.nn.Linear(hidden, outputs)
        self.tied = tied

    def forward(self, tokens, state=None):
        output, state = self.rnn(self.encoder(tokens), state)
        weight = self.encoder.weight[: self.decoder.out_features] if self.tied else self.decoder.weight
        return torch.nn.functional.linear(output, weight, self.decoder.bias), state


def record(folder):
    steps, lanes, outputs, layers = 6, 3, 7, 2
    for cell in CELLS:
        for tied in (False, True):
            torch.manual_seed(7)
            hidden, embed = 6, 6 if tied else 5
            model = Model(cell, outputs + 1, outputs, embed, hidden, layers, tied)
            names = [n for n, _ in model.named_parameters() if not (tied and n == "decoder.weight")]
            tensors = {n: p.detach().clone() for n, p in model.named_parameters() if n in names}
            tokens = torch.randint(0, outputs, (steps, lanes))
            targets = torch.randint(0, outputs, (steps, lanes))
            h = torch.randn(layers, lanes, hidden) * 0.5
            c = torch.randn(layers, lanes, hidden) * 0.5
            state = (h, c) if cell == "lstm" else h
            logits, _ = model(tokens, state)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
            loss.backward()
            parameters = [p for n, p in model.named_parameters() if n in names]
            for n, p in model.named_parameters():
                if n in names:
                    tensors["gradient." + n] = p.grad.clone()
            optimiser = torch.optim.Adam(parameters, lr=0.01)
            optimiser.step()
            for n, p in model.named_parameters():
                if n in names:
                    tensors["adam." + n] = p.detach().clone()
            tensors |= {"inputs": tokens.float(), "targets": targets.float(), "h": h, "c": c}
            tensors |= {"logits": logits.detach(), "loss": loss.detach().double().reshape(1)}
            tensors = {n: t.contiguous() for n, t in tensors.items()}
            save_file(tensors, os.path.join(folder, f"pytorch-{cell}{'-tied' if tied else ''}.safetensors"))


TEXT = """what do cows eat ?
what do dogs eat ?
pigs eat corn .
do pigs eat apples ?
"""


def run(*command, text=TEXT):
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def score(path):
    """Cross-entropy of the text under a model, nats a token."""
    lines = run("score", "-m", path, "--unit", "nats").splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith("cross_entropy\t"))


def compare():
    with tempfile.TemporaryDirectory() as folder:
        for cell in CELLS:
            path = os.path.join(folder, cell)
            options = ["--hidden", "24", "--embed", "10", "--layers", "2", "--steps", "60"]
            run("train-rnn", "--cell", cell, *options, "-o", path)
            with safe_open(path, "pt") as file:
                metadata = file.metadata()
            vocabulary = metadata["chainrule.vocabulary"].split(" ")
            model = Model(cell, len(vocabulary) + 1, len(vocabulary), 10, 24, 2)
            weights = load_file(path)
            model.rnn.load_state_dict(
                {n[4:]: t for n, t in weights.items() if n.startswith("rnn.")})
            model.load_state_dict(weights)
            nats = tokens = 0
            for line in TEXT.splitlines():
                ids = [vocabulary.index(piece) for piece in line.split() + ["</s>"]]
                logits, _ = model(torch.tensor([[len(vocabulary)]] + [[i] for i in ids[:-1]]))
                nats += torch.nn.functional.cross_entropy(
                    logits[:, 0], torch.tensor(ids), reduction="sum").item()
                tokens += len(ids)
            ours = score(path)
            print(f"{cell}: PyTorch {nats / tokens:.6f}, score {ours:.6f} nats a token")
            assert abs(nats / tokens - ours) < 1e-5
            # What PyTorch saves is read back, metadata included.
            save_file(dict(model.state_dict()), path + ".again", metadata=metadata)
            again = score(path + ".again")
            assert again == ours
            # Without metadata the shapes say what it is.
            save_file(dict(model.state_dict()), path + ".bare")
            described = run("train-rnn", "--describe", path + ".bare").splitlines()
            assert described[-1] == f"total {sum(p.numel() for p in model.parameters())}"
            assert described[0].startswith(f"cell={'tanh' if cell == 'relu' else cell} ")


if __name__ == "__main__":
    if sys.argv[1:2] == ["record"]:
        record(sys.argv[2])
    else:
        compare()
