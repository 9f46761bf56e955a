# SPDX-License-Identifier: Apache-2.0
"""Speed of recurrent networks beside PyTorch on the same shapes, the two alternating.

    python3 recurrent_networks.py [--threads 2] [--rounds 5] [--benchmark PATH] [case ...]

Training is forward, backward, clipping and Adam with the full softmax; figures are tokens a second.
Sampling is one sequence, beam ten at once; PyTorch's figure is the better of nn.LSTM without oneDNN
and one LSTMCell a layer. Ratios of wall time are those that count on a quiet machine; those of CPU time
stand beside them, for a busy one. `plain` is the ratio without our table of layer 0.
"""

import argparse
import os
import subprocess
import sys
import time

from pairing import module

torch = module("torch")

CASES = {
    "a": ("LSTM", 2, 256, 32, 128, 65),
    "b": ("LSTM", 2, 512, 50, 50, 65),
    "c": ("LSTM", 2, 650, 20, 35, 33278),
    "gru": ("GRU", 1, 512, 32, 128, 65),
    "elman": ("RNN", 1, 256, 32, 128, 65),
}
TARGETS = {"a": 2.0, "b": 1.8, "c": 2.5, "gru": 3.0, "elman": 3.0}
SAMPLE_TARGETS = {"a": 4.0, "b": 5.0, "c": 2.5}
BEAM_TARGETS = {"a": 5.0, "c": 2.5}


def best(step, count, rounds):
    """Items a second of wall and of CPU time in the fastest round."""
    step()
    wall = processor = float("inf")
    for _ in range(rounds):
        start = time.perf_counter(), time.process_time()
        step()
        wall = min(wall, time.perf_counter() - start[0])
        processor = min(processor, time.process_time() - start[1])
    return count / wall, count / processor


def torch_training(kind, layers, width, lanes, steps, symbols, rounds):
    embedding = torch.nn.Embedding(symbols, width)
    network = getattr(torch.nn, kind)(width, width, layers)
    output = torch.nn.Linear(width, symbols)
    parameters = [p for m in (embedding, network, output) for p in m.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=1e-3)
    x = torch.randint(0, symbols, (steps, lanes))
    y = torch.randint(0, symbols, (steps * lanes,))
    state = None

    def step():
        nonlocal state
        h, state = network(embedding(x), state)
        state = tuple(s.detach() for s in state) if kind == "LSTM" else state.detach()
        loss = torch.nn.functional.cross_entropy(output(h).view(-1, symbols), y)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()

    return best(step, lanes * steps, rounds)


def torch_generation(layers, width, lanes, steps, symbols, rounds):
    embedding = torch.nn.Embedding(symbols, width)
    cells = [torch.nn.LSTMCell(width, width) for _ in range(layers)]
    network = torch.nn.LSTM(width, width, layers)
    output = torch.nn.Linear(width, symbols)

    def by_cells():
        states = [(torch.zeros(lanes, width), torch.zeros(lanes, width)) for _ in cells]
        token = torch.zeros(lanes, dtype=torch.long)
        for _ in range(steps):
            x = embedding(token)
            for layer, cell in enumerate(cells):
                states[layer] = cell(x, states[layer])
                x = states[layer][0]
            token = torch.log_softmax(output(x), -1).argmax(-1)

    def by_network():
        state, token = None, torch.zeros(1, lanes, dtype=torch.long)
        with torch.backends.mkldnn.flags(enabled=False):
            for _ in range(steps):
                h, state = network(embedding(token), state)
                token = torch.log_softmax(output(h), -1).argmax(-1)

    with torch.no_grad():
        results = [best(by_cells, steps, rounds), best(by_network, steps, rounds)]
    return tuple(max(column) for column in zip(*results))


def ours(benchmark, what, kind, *numbers, mode=""):
    cell = {"RNN": "tanh"}.get(kind, kind.lower())
    command = [benchmark, what, cell, *map(str, numbers)] + ([mode] if mode else [])
    words = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(words[0]), float(words[1]), words[2]


def show(title, target, mine, theirs, extra=""):
    print(
        f"{title:12} ours {mine[0]:9.0f}/s  PyTorch {theirs[0]:9.0f}/s  ratio {mine[0] / theirs[0]:5.2f}"
        f" (CPU {mine[1] / theirs[1]:5.2f}), wanted {target}{extra}  [{mine[2]}]", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument(
        "--benchmark", default=os.path.join(here, "../../.build/release/network-benchmark"))
    parser.add_argument("cases", nargs="*", default=list(CASES))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print(
        f"PyTorch {torch.__version__} {torch.backends.cpu.get_cpu_capability()}, "
        f"{options.threads} threads, load {os.getloadavg()[0]:.1f}")
    for case in options.cases:
        kind, layers, width, lanes, steps, symbols = CASES[case]
        rounds = max(2, options.rounds // 2) if symbols > 1000 else options.rounds

        def run(what, lanes, steps, mode=""):
            return ours(options.benchmark, what, kind, layers, width, lanes, steps, symbols,
                        options.threads, rounds, mode=mode)

        mine = run("train", lanes, steps, "table")
        theirs = torch_training(kind, layers, width, lanes, steps, symbols, rounds)
        plain = run("train", lanes, steps, "plain")
        again = torch_training(kind, layers, width, lanes, steps, symbols, rounds)
        theirs = tuple(map(max, zip(theirs, again)))
        show(f"train {case}", TARGETS[case], mine, theirs,
             f", plain {plain[0] / theirs[0]:.2f} (CPU {plain[1] / theirs[1]:.2f})")
        for name, count, targets in (("sample", 1, SAMPLE_TARGETS), ("beam", 10, BEAM_TARGETS)):
            if case in targets:
                length = 20 if symbols > 1000 else 300
                theirs = torch_generation(layers, width, count, length, symbols, rounds)
                show(f"{name} {case}", targets[case], run("generate", count, length), theirs)


if __name__ == "__main__":
    sys.exit(main())
